"""Parts that several interactions have in common, as Slack lays them out."""

from pydantic import BaseModel


class User(BaseModel):
    """Who clicked or sent; without the team nobody knows whose it is."""

    id: str
    team_id: str


class Team(BaseModel):
    """Where the conversation belongs."""

    id: str


class Container(BaseModel):
    """The message that a button stands in."""

    message_ts: str
    channel_id: str
