"""The XMP packet inside a result: its recipe, and metadata that photo managers show (ISO 16684-1)."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from inceptionism.errors import printable
from inceptionism.version import __version__

PNG_XMP = "XML:com.adobe.xmp"
"""Keyword of the text chunk that holds the packet of a PNG."""

NAMESPACE = "https://pypi.org/project/inceptionism/ns/1.0/"
"""XML namespace of the recipe."""

DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
"""Name of the XML element that holds the properties of a file."""

TEMPLATE = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:inceptionism="{NAMESPACE}">
   <xmp:CreatorTool>SOFTWARE</xmp:CreatorTool>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">TITLE</rdf:li></rdf:Alt></dc:title>
   <dc:subject><rdf:Bag><rdf:li>deepdream</rdf:li></rdf:Bag></dc:subject>
   <inceptionism:recipe>RECIPE</inceptionism:recipe>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
"""An XMP packet with placeholders for the software, the title and the recipe."""


def software() -> str:
    """Return the name and version of this program, in the form that metadata uses."""
    return f"inceptionism {__version__}"


def write_packet(recipe: str, title: str) -> bytes:
    """Return an XMP packet in UTF-8: the recipe, a title, the software's name and the keyword deepdream.

    Args:
        recipe: The recipe's JSON.
        title: Title of the picture or film.
    """
    values = {"SOFTWARE": software(), "TITLE": printable(title), "RECIPE": recipe}
    return re.sub("|".join(values), lambda placeholder: escape(values[placeholder[0]]), TEMPLATE).encode()


def read_packet(packet: bytes) -> str | None:
    """Return the recipe's JSON from an XMP packet, or None if it has no recipe or is not XML."""
    name = f"{{{NAMESPACE}}}recipe"
    try:
        # XMP and JSON have the same encodings, and both begin with an ASCII character.
        # Expat, the parser inside ElementTree, refuses documents whose entities expand without bound.
        root = ElementTree.fromstring(packet.decode(json.detect_encoding(packet)).strip("\0\ufeff \n"))
    except (ElementTree.ParseError, ValueError):  # ValueError means that the packet has another encoding
        return None
    # Other programs may rewrite a property with a simple value as an attribute.
    attributes = (element.get(name) for element in root.iter(DESCRIPTION))
    return root.findtext(f".//{name}") or next(filter(None, attributes), None)
