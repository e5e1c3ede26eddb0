"""Word files: headings, lists and tables by mammoth; pictures are left out."""

import mammoth

from knowledge.parsers.package import checked_package
from knowledge.parsers.reading import Reading
from knowledge.parsers.tree import from_fragment


def read_word(data: bytes) -> Reading:
    """Read a Word file."""
    package = checked_package(data)
    no_picture = mammoth.images.img_element(lambda _picture: {})
    return Reading(from_fragment(mammoth.convert_to_html(package, convert_image=no_picture).value))
