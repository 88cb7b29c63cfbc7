"""The XMP packet that a result carries: its recipe, and what photo managers show (ISO 16684-1)."""

from __future__ import annotations

import re
from importlib.metadata import version
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from inceptionism.errors import printable

PNG_XMP = "XML:com.adobe.xmp"
"""The keyword of the text chunk in which PNG carries such a packet."""

NAMESPACE = "https://pypi.org/project/inceptionism/ns/1.0/"

PACKET = f"""\
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


def software() -> str:
    """Return what says which program made a picture."""
    return f"inceptionism {version('inceptionism')}"


def write_packet(recipe: str, title: str) -> bytes:
    """Return an XMP packet in UTF-8: the recipe's JSON, a title, the software's name and the keyword deepdream."""
    content = {"SOFTWARE": software(), "TITLE": printable(title), "RECIPE": recipe}
    return re.sub("|".join(content), lambda found: escape(content[found[0]]), PACKET).encode()


def read_packet(packet: bytes) -> str | None:
    """Return the recipe's JSON from an XMP packet, or nothing if there is none or the packet is not XML."""
    try:
        # Expat, behind this parser, refuses documents that grow without bound by entities.
        root = ElementTree.fromstring(packet.rstrip(b"\0"))
    except (ElementTree.ParseError, LookupError, ValueError):  # the latter two for encodings it does not know
        return None
    return root.findtext(f".//{{{NAMESPACE}}}recipe")
