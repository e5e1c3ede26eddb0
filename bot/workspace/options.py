"""What differs between worlds: rules nobody could verify, and limits a test may switch on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How this workspace behaves where Slack's own behaviour is unknown or adjustable.

    Attributes:
        rate_limits: Whether calls are counted against Slack's tiers.
        ack_on_any_socket: Whether an ack counts that came over another socket.
        fresh_envelope_ids: Whether a redelivery has a new ``envelope_id``.
        envelopes_in_flight: What one socket carries without an ack before more wait. The
            client of slack_sdk loses its place after some hundred frames back to back.
        mismatch_reads_first_block: ``block_mismatch`` looks at the first block alone.
        block_text_characters: Longest text of all blocks of one message, in sum.
        metadata_characters: Longest metadata, as JSON.
    """

    rate_limits: bool = False
    ack_on_any_socket: bool = True
    fresh_envelope_ids: bool = True
    envelopes_in_flight: int = 100
    mismatch_reads_first_block: bool = False
    block_text_characters: int = 11_000
    metadata_characters: int = 8_000
