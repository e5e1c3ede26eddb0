"""A small company in a folder, with the real index and without a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.settings import KnowledgeSettings, ModelSettings, Settings

PAGES = {
    "it/vpn.md": "# VPN\n\nThe VPN client of the company is called Burrow.\n",
    "people/leave.md": "# Leave\n\nYou get 27 days of annual leave each year.\n",
    "hr/bonus.md": "# Bonus\n\nThe yearly bonus pool is 412,000 euros.\n",
}
ACCESS = """version: 1
sources:
  - name: wiki
    folder: documents
    link: "https://wiki.example/{{path}}"
    rules:
      - {{match: "hr/**", roles: [hr]}}
      - {{match: "people/**", roles: [{people}]}}
      - {{match: "**", roles: [everyone]}}
"""


@dataclass
class Company:
    """A folder of documents, and the bot over it."""

    folder: Path

    def write(self, *, people: str = "everyone", pages: Mapping[str, str] = PAGES) -> None:
        """Write documents and who may read them; what is not named is gone."""
        (self.folder / "access.yaml").write_text(ACCESS.format(people=people))
        for path in PAGES:
            (self.folder / "documents" / path).unlink(missing_ok=True)
        for path, text in pages.items():
            place = self.folder / "documents" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    @property
    def settings(self) -> Settings:
        """Of a bot that quotes."""
        return Settings(
            data=self.folder / "data",
            knowledge=KnowledgeSettings(folder=self.folder),
            model=ModelSettings(base="none"),
        )
