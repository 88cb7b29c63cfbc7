"""Metadata of results, as exiftool and Pillow read it. Photo managers use exiftool."""

from __future__ import annotations

import io
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import GPS, IFD, Base

from inceptionism.io.outputs import save_picture
from inceptionism.io.photos import load_photo
from inceptionism.io.recipes import read_recipe
from inceptionism.io.xmp import read_packet, write_packet
from inceptionism.recipes import PhotoRecipe
from inceptionism.recipes.provenance import MadeWith
from tests.support.exiftool import needs_exiftool, tags
from tests.support.pictures import gradient, linear_profile

MADE = MadeWith("0.1.0", "2.13.0", "cpu", "ab" * 32, {"name": "<sky> & ü.jpg", "sha256": "cd", "height": 5, "width": 7})
RECIPE = PhotoRecipe(layer=("blocks.4",), made_with=MADE)
STILLS = ["png", "jpg", "webp", "gif"]


@needs_exiftool
@pytest.mark.parametrize("ending", STILLS)
def test_exiftool_reads_keyword_title_and_software(tmp_path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    save_picture(Image.fromarray(gradient()), path, RECIPE)
    written = tags(path)
    assert written["XMP:Subject"] == "deepdream"
    assert written["XMP:Title"] == "<sky> & ü.jpg · blocks.4"
    assert str(written["XMP:CreatorTool"]).startswith("inceptionism 0.")
    assert "Error" not in str(written)
    assert "ExifTool:Warning" not in written


def test_characters_that_xml_cannot_hold_are_escaped_in_the_title() -> None:
    name = "\x1b[31m\ud800\ufffe.jpg"
    packet = write_packet(RECIPE.to_json(), name)
    assert read_packet(packet) == RECIPE.to_json()
    assert rb"\x1b[31m\ud800\ufffe.jpg" in packet


def save_phone_photo(path) -> None:
    """Write a photograph with the EXIF tags of a phone: an orientation, a GPS position and a MakerNote."""
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model] = "Acme", "Phone 3"
    exif[Base.Orientation] = 6
    exif[Base.Software] = "Phone OS 9"
    exif[Base.Copyright] = "© Ada"
    exif[Base.ImageDescription] = "a cup"
    exif.get_ifd(IFD.Exif).update(
        {
            Base.DateTimeOriginal: "2024:05:06 07:08:09",
            Base.FNumber: 1.8,
            Base.MakerNote: b"SECRETPLACE" * 9,
            Base.ExifImageWidth: 4032,
        }
    )
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "N",
            GPS.GPSLatitude: (48.0, 51.0, 29.0),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: (2.0, 17.0, 40.0),
        }
    )
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRETPLACE</x:xmpmeta>'
    Image.fromarray(gradient()).save(path, exif=exif, xmp=xmp)


@needs_exiftool
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("position", [False, True])
def test_the_exif_is_kept_without_the_position_by_default(tmp_path, ending: str, position: bool) -> None:
    save_phone_photo(tmp_path / "in.jpg")
    photo = load_photo(tmp_path / "in.jpg", position=position)
    image = Image.fromarray(photo.pixels)
    image.info |= photo.metadata
    path = tmp_path / f"out.{ending}"
    save_picture(image, path, RECIPE)
    written = tags(path)
    assert (written["EXIF:Make"], written["EXIF:Model"], written["EXIF:FNumber"]) == ("Acme", "Phone 3", 1.8)
    assert (written["EXIF:DateTimeOriginal"], written["EXIF:ImageDescription"]) == ("2024:05:06 07:08:09", "a cup")
    assert "Ada" in str(written["EXIF:Copyright"])
    # These describe the result, not the photograph.
    assert str(written["EXIF:Software"]).startswith("inceptionism")
    assert not {"EXIF:Orientation", "EXIF:ExifImageWidth"} & written.keys()
    assert b"SECRETPLACE" not in path.read_bytes()
    assert ("EXIF:GPSLatitude" in written) == position
    if position:
        assert written["EXIF:GPSLatitude"] == pytest.approx(48.858, abs=1e-3)
    assert load_photo(path).pixels.shape == (34, 21, 3)  # the picture is upright and is not turned again
    save_picture(image, path, RECIPE, metadata=False)
    assert not [name for name in tags(path) if name.startswith(("EXIF:", "XMP:"))]
    assert read_recipe(path) is None


@pytest.mark.parametrize("format", ["TIFF", "PNG"])
def test_tags_about_the_storage_of_pixels_are_dropped(tmp_path, format: str) -> None:
    """A TIFF stores its strips and its size among its EXIF tags."""
    Image.fromarray(gradient()).save(tmp_path / "a", format)
    metadata = load_photo(tmp_path / "a").metadata
    exif = Image.Exif()
    exif.load(metadata.get("exif", b""))
    assert set(exif) <= {Base.Software}


@needs_exiftool
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_exif_that_is_too_large_for_jpeg_is_kept_elsewhere_and_shortened_there(tmp_path, ending: str) -> None:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.ImageDescription], exif[Base.Copyright] = "Acme", "x" * 70_000, "Ada"
    exif.get_ifd(IFD.Exif).update({Base.FNumber: 1.8, Base.LensModel: "y" * 3000})
    exif.get_ifd(IFD.GPSInfo).update({GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48.0, 51.0, 29.0)})
    Image.fromarray(gradient()).save(tmp_path / "in.png", exif=exif)
    photo = load_photo(tmp_path / "in.png", position=True)
    assert photo.notes == (
        f"{tmp_path / 'in.png'} has 73 kB of EXIF, and a JPEG holds 65: a .jpg output will lack its longest entries",
    )
    image = Image.fromarray(photo.pixels)
    image.info |= photo.metadata
    path = tmp_path / f"out.{ending}"
    save_picture(image, path, RECIPE)
    written = tags(path)
    assert (written["EXIF:Make"], written["EXIF:Copyright"], written["EXIF:FNumber"]) == ("Acme", "Ada", 1.8)
    assert written["EXIF:LensModel"] == "y" * 3000
    assert written["EXIF:GPSLatitude"] == pytest.approx(48.858, abs=1e-3)
    assert written.get("EXIF:ImageDescription") == (None if ending == "jpg" else "x" * 70_000)
    assert "ExifTool:Warning" not in written
    assert read_recipe(path) == RECIPE.to_json()


@pytest.mark.parametrize("damage", range(40))
def test_a_photograph_with_damaged_exif_is_read(tmp_path, damage: int) -> None:
    save_phone_photo(tmp_path / "in.jpg")
    content = np.frombuffer((tmp_path / "in.jpg").read_bytes(), np.uint8).copy()
    random = np.random.default_rng(damage)
    start = bytes(content).index(b"Exif\0\0") + 6
    content[start + random.integers(0, 300, 6)] = random.integers(0, 256, 6)
    (tmp_path / "in.jpg").write_bytes(content.tobytes())
    photo = load_photo(tmp_path / "in.jpg", position=True)
    image = Image.fromarray(photo.pixels)
    image.info |= photo.metadata
    for ending in ("png", "jpg", "webp"):
        save_picture(image, tmp_path / f"out.{ending}", RECIPE)
        assert read_recipe(tmp_path / f"out.{ending}") == RECIPE.to_json()


def test_a_result_has_a_profile_of_srgb_or_none(tmp_path) -> None:
    """Pixels are sRGB, so the sRGB profile replaces any other profile. A picture without a profile gets none."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray = Image.new("RGB", (9, 5), (128, 128, 128))
    for profile, expected, light in [(linear_profile(), "sRGB", 188), (srgb, "sRGB", 128), (None, None, 128)]:
        gray.save(tmp_path / "in.png", icc_profile=profile)
        photo = load_photo(tmp_path / "in.png")
        image = Image.fromarray(photo.pixels)
        image.info |= photo.metadata
        for ending in ("png", "jpg", "webp"):
            save_picture(image, tmp_path / f"out.{ending}")
            with Image.open(tmp_path / f"out.{ending}") as reopened:
                written = reopened.info.get("icc_profile")
                assert abs(int(np.asarray(reopened.convert("RGB")).mean()) - light) <= 2
            if expected is None:
                assert written is None
            else:
                written_profile = ImageCms.ImageCmsProfile(io.BytesIO(written))
                assert ImageCms.getProfileDescription(written_profile).startswith(expected)
        if profile == srgb:
            assert photo.metadata["icc_profile"] == srgb


def test_a_profile_for_gray_is_not_kept_for_colors(tmp_path) -> None:
    Image.fromarray(gradient()[..., 0]).save(tmp_path / "in.png", icc_profile=gray_profile())
    assert "icc_profile" not in load_photo(tmp_path / "in.png").metadata


def gray_profile() -> bytes:
    """Return the smallest profile for gray pixels. Its name starts with sRGB, and its gamma is 2.2."""
    name = "sRGB gray".encode("utf-16-be")
    desc = b"mluc" + bytes(4) + (1).to_bytes(4, "big") + (12).to_bytes(4, "big") + b"enUS"
    desc += len(name).to_bytes(4, "big") + (28).to_bytes(4, "big") + name + bytes(-len(name) % 4)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + bytes.fromhex("02330000")
    parts = [(b"desc", desc), (b"wtpt", white), (b"kTRC", curve)]
    table, body, offset = len(parts).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(parts)
    for signature, content in parts:
        table += signature + (offset + len(body)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        body += content
    header = bytearray(128)
    header[0:4] = (offset + len(body)).to_bytes(4, "big")
    header[8:12], header[12:24], header[36:40] = bytes.fromhex("04200000"), b"mntrGRAYXYZ ", b"acsp"
    header[68:80] = bytes.fromhex("0000f6d6000100000000d32d")
    return bytes(header) + table + body


def packet(properties: str) -> str:
    """Return an XMP packet whose description has an attribute or a property with the prefix `d`."""
    attributes, _, elements = properties.partition("|")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><m:xmpmeta xmlns:m="adobe:ns:meta/">'
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
        f'xmlns:d="https://pypi.org/project/inceptionism/ns/1.0/" {attributes}>{elements}</r:Description></r:RDF>'
        '</m:xmpmeta><?xpacket end="w"?>'
    )


@pytest.mark.parametrize(
    "properties",
    [
        "d:recipe='{&quot;a&quot;: &quot;ü &lt; 1&quot;}'|",
        '|<d:recipe>{"a": "ü &lt; 1"}</d:recipe>',
        '|<d:recipe><![CDATA[{"a": "ü < 1"}]]></d:recipe>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("padding", ["", "\0\0", "\n" + " " * 99])
def test_a_packet_that_another_program_rewrote_is_read(properties: str, encoding: str, padding: str) -> None:
    """Programs may write properties as attributes, with another prefix, as CDATA, and in other encodings."""
    assert read_packet((packet(properties) + padding).encode(encoding)) == '{"a": "ü < 1"}'


@needs_exiftool
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_recipe_is_found_after_exiftool_wrote_shorthand_xmp(tmp_path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    save_picture(Image.fromarray(gradient()), path, RECIPE)
    config = tmp_path / "config"
    config.write_text(
        "%Image::ExifTool::UserDefined = ('Image::ExifTool::XMP::Main' => "
        "{ inceptionism => { SubDirectory => { TagTable => 'Image::ExifTool::UserDefined::inceptionism' } } });"
        "%Image::ExifTool::UserDefined::inceptionism = (GROUPS => { 0 => 'XMP', 1 => 'XMP-inceptionism' }, "
        "NAMESPACE => { 'inceptionism' => 'https://pypi.org/project/inceptionism/ns/1.0/' }, WRITABLE => 'string', "
        "recipe => { }); 1;"
    )
    command = ["exiftool", "-config", str(config), "-overwrite_original", "-api", "Compact=Shorthand", "-XMP:City=Oslo"]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    assert b"inceptionism:recipe=" in path.read_bytes()
    assert read_recipe(path) == RECIPE.to_json()
