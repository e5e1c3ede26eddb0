"""Builds the binary documents of the sample company from the text below.

Run ``python bench/make_sample_files.py`` after a change of the text; the four files go to
``knowledge/sample/documents``. Needs the extra ``dev``. Knows nothing of parsing or the index.

In it, ``##`` opens a section, ``|`` a row of its table, an indented line continues the
one above, and every other line is a paragraph.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

DOCUMENTS = Path(__file__).parents[1] / "knowledge" / "sample" / "documents"

CALIBRATION = """
## What this guide is for
Rootline S1 and S4 probes leave the factory calibrated for loam. In sand and in heavy clay they
  must be calibrated again, or the moisture is wrong by up to 9 percent. A calibration takes 50
  minutes for an S1 and 2 hours for an S4.
## What you need
The calibration box, part 77-420, with two bottles: blue for dry reference (2 percent), green for
  wet reference (38 percent).
A scale that shows 0.1 gram, a drying oven at 105 degrees and three tins.
The Fieldbook app with the right Calibrate. Arvid Kessel (extension 545) grants it after a
  training of half a day at the Works.
## Steps
1. Let the probe lie in the room for 4 hours; it must have between 18 and 24 degrees.
2. Clean the blades with distilled water. Never use alcohol, it clouds the coating.
3. Put the probe into the blue bottle up to the ring, wait 6 minutes, press Dry.
4. Rinse, put it into the green bottle, wait 6 minutes, press Wet.
5. Take three samples of the customer's soil, weigh them, dry them for 24 hours, weigh them again,
  and enter both weights.
6. Fieldbook shows the correction. If it is above 12 percent, replace the probe.
7. Stick the green label with month and year on the cable.
## Typical corrections
The app warns when a result lies outside these ranges.
| Soil | Correction | Repeat after |
| Sand | minus 3 to minus 6 percent | 24 months |
| Loam | 0 to plus 1 percent | not needed |
| Heavy clay | plus 5 to plus 9 percent | 18 months |
| Peat | plus 8 to plus 11 percent | 12 months |
## Mistakes we see
Air bubbles at the blades make soil look 4 percent too dry: turn the probe twice.
The bottles last for 60 calibrations or 6 months after opening, whichever is first. A new set
  costs EUR 74.
Saline soil above 4 dS/m cannot be calibrated with this method; send a sample of 2 kg to hall C of
  the Works. The result comes within 10 working days.
"""

ACCEPTABLE_USE = """
## Purpose
These rules say what you may do with Larkfield's computers, phones and accounts. Everybody
  confirms them in Perch once a year, in February. Whoever has not confirmed by 15 March loses
  remote access until it is done.
## Private use
A little private use of laptop and internet is fine in breaks. Private use of the mail address is
  not. Private files belong into the folder named Private, at most 10 gigabytes; nobody looks into
  it without you, and it is deleted 30 days after you leave.
The company phone may be used privately at home and in 44 countries. Premium numbers are blocked.
## Not allowed
Switching off the virus scanner, the disk encryption or updates.
USB sticks from elsewhere. The service desk gives out encrypted ones, 64 gigabytes, against
  signature.
Forwarding company mail to a private mailbox, by hand or by rule.
Gambling, mining of crypto money, and content that insults or is forbidden by law.
Lending your badge or your account, even to your manager.
## What IT sees
Sign-ins, installed programs and blocked web pages are logged for 90 days. Contents of mail and
  chat are read only after a written request from People and Dagny Holm together with a member of
  the works council, the three-key rule. In 2025 this happened twice.
## Updates
Install updates within the time that fits their weight, else the laptop restarts.
| Kind of update | Install within |
| Urgent security | 24 hours |
| Normal security | 7 days |
| Other | 30 days |
## When you leave
Return everything on your last day to the service desk, room 0.11. Your account is closed at
  18:00. Your mailbox answers with a note for 60 days and is then deleted. Exceptions are signed
  by Dagny Holm on form I-15.
"""

PARTNERS = """
## Three tiers
The tier is set each January from the orders of the year before.
| Tier | Orders a year | Margin on hardware | Certified people |
| Seed | from EUR 10,000 | 12 percent | 1 |
| Sprout | from EUR 80,000 | 18 percent | 2 |
| Harvest | from EUR 400,000 | 24 percent | 5 |
## What partners get
Commission on Fieldbook: 10 percent of the first year, for all tiers.
Marketing money: Sprout 1 percent and Harvest 2 percent of their orders, paid against receipts by
  30 November.
Harvest partners may repair devices, have 45 days to pay and a named contact.
Leads from our web page go to the nearest Sprout or Harvest partner within 2 days.
## How to become a partner
1. Apply at partners.larkfield.example with two references.
2. Felix Oakes (extension 351) has a talk with each applicant within 15 working days.
3. Certification: 3 days at Brook Farm, EUR 450 a person, test with 40 questions, pass mark 75
  percent. It is valid for 2 years.
4. Contract from template S-30 for 24 months, notice period 3 months.
## Rules of the game
A deal is protected for 120 days once it is registered in the partner portal.
Whoever misses the tier two years in a row moves down; Seed partners without an order for 18
  months leave the programme.
Today we have 64 partners in 17 countries: 39 Seed, 18 Sprout and 7 Harvest.
The partner day is on 27 May 2027 at Mill House.
"""

RATES = """
## Day rates
| Country group | Full day EUR | Day of arrival or departure EUR | Examples |
| Home | 28 | 14 | whole country |
| Neighbours | 41 | 27 | all countries with a common border |
| Rest of Europe | 46 | 31 | beyond the neighbours |
| North America | 59 | 40 | add 10 in cities above one million |
| East Asia | 64 | 43 | breakfast is never deducted |
| Rest of the world | 52 | 35 | ask Saskia Thorne, extension 234 |
## Deductions
| Meal provided | Percent of the full day rate |
| Breakfast | 20 |
| Lunch | 40 |
| Dinner | 40 |
## Mileage
| Vehicle | EUR a kilometre | Remarks |
| Own car | 0.42 | only if no pool car is free |
| Own motorcycle | 0.24 | no passengers |
| Bicycle | 0.12 | from 2 km |
| Each passenger | 0.05 | colleagues on the same trip |
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the paragraphs below it, and a table (often empty)."""

    heading: str
    paragraphs: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One document: where it goes, what its properties say, and its text."""

    path: str
    title: str
    author: str
    updated: datetime
    text: str

    @property
    def sections(self) -> list[Section]:
        """The text, section by section."""
        return [_section(part) for part in self.text.split("\n## ")[1:]]


def _section(part: str) -> Section:
    heading, *lines = re.split(r"\n(?=\S)", part.strip())
    joined = [" ".join(line.split()) for line in lines]
    return Section(
        heading,
        [line for line in joined if not line.startswith("|")],
        [line.strip("| ").split(" | ") for line in joined if line.startswith("|")],
    )


def write_pdf(file: SampleFile) -> None:
    """Write a PDF whose text can be selected."""
    pdf = FPDF()
    pdf.set_title(file.title)
    pdf.set_author(file.author)
    pdf.set_creation_date(file.updated)
    pdf.add_page()
    _say(pdf, file.title, 18)
    for section in file.sections:
        _say(pdf, section.heading, 13)
        for paragraph in section.paragraphs:
            _say(pdf, paragraph, 10)
        if section.rows:
            with pdf.table(section.rows):
                pass  # leaving the block draws it
    pdf.output(str(DOCUMENTS / file.path))


def _say(pdf: FPDF, text: str, size: int) -> None:
    pdf.set_font("Helvetica", size=size)
    pdf.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1.5)


def write_word(file: SampleFile) -> None:
    """Write a Word file with real headings and tables."""
    document = Document()
    properties = document.core_properties
    properties.title, properties.author = file.title, file.author
    properties.created = properties.modified = file.updated
    document.add_heading(file.title, level=1)
    for section in file.sections:
        document.add_heading(section.heading, level=2)
        for paragraph in section.paragraphs:
            document.add_paragraph(paragraph)
        if section.rows:
            table = document.add_table(rows=0, cols=len(section.rows[0]))
            for row in section.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
    document.save(str(DOCUMENTS / file.path))


def write_slides(file: SampleFile) -> None:
    """Write a title slide, and one slide for each section."""
    deck = Presentation()
    properties = deck.core_properties
    properties.title, properties.author = file.title, file.author
    properties.created = properties.modified = file.updated
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text = file.title
    first.placeholders[1].text = file.author
    for section in file.sections:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section.heading
        slide.placeholders[1].text = "\n".join(section.paragraphs)
        if section.rows:
            place = [Inches(inches) for inches in (0.5, 3.5, 9, 2)]
            table = slide.shapes.add_table(len(section.rows), len(section.rows[0]), *place).table
            for y, row in enumerate(section.rows):
                for x, text in enumerate(row):
                    table.cell(y, x).text = text
    deck.save(str(DOCUMENTS / file.path))


def write_sheets(file: SampleFile) -> None:
    """Write one sheet for each section; numbers become numbers."""
    book = Workbook(write_only=True)  # starts without an empty sheet
    book.properties.title, book.properties.creator = file.title, file.author
    book.properties.created = file.updated
    for section in file.sections:
        sheet = book.create_sheet(section.heading)
        for row in section.rows:
            sheet.append([_number_or_text(cell) for cell in row])
    book.save(DOCUMENTS / file.path)


def _number_or_text(cell: str) -> float | str:
    if cell.isdigit():
        return int(cell)
    return float(cell) if cell.replace(".", "", 1).isdigit() else cell


WRITERS: dict[str, Callable[[SampleFile], None]] = {
    ".pdf": write_pdf,
    ".docx": write_word,
    ".pptx": write_slides,
    ".xlsx": write_sheets,
}

FILES = (
    SampleFile(
        "engineering/calibration-guide.pdf",
        "Calibrating Rootline probes",
        "Arvid Kessel, Operations & Facilities",
        datetime.fromisoformat("2026-03-19"),
        CALIBRATION,
    ),
    SampleFile(
        "it/acceptable-use.docx",
        "Acceptable use of IT",
        "Dagny Holm, IT & Security",
        datetime.fromisoformat("2026-01-30"),
        ACCEPTABLE_USE,
    ),
    SampleFile(
        "sales/partner-programme.pptx",
        "Partner programme 2026",
        "Felix Oakes, Sales & Partners",
        datetime.fromisoformat("2026-02-12"),
        PARTNERS,
    ),
    SampleFile(
        "finance/travel-rates-2026.xlsx",
        "Travel rates 2026",
        "Saskia Thorne, Finance",
        datetime.fromisoformat("2026-04-01"),
        RATES,
    ),
)

if __name__ == "__main__":
    for file in FILES:
        WRITERS[Path(file.path).suffix](file)
