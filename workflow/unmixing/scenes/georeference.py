"""Where an image lies on the ground: carried from the input through to the maps that are written.

A georeference is a mapping with any of these entries:

* ``transform``: the six numbers (a, b, c, d, e, f) of x = a col + b row + c, y = d col + e row + f, for pixel corners;
* ``crs``: coordinate system as text (WKT);
* ``envi``: header fields of an ENVI file, kept as they were.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_ENVI_FIELDS = ("map info", "coordinate system string", "projection info", "pixel size", "x start", "y start")


def to_text(georeference: Mapping[str, Any]) -> str:
    """Return a georeference as text for an attribute."""
    return json.dumps(georeference, sort_keys=True)


def from_text(text: str) -> dict[str, Any]:
    """Return the georeference that ``to_text`` wrote; empty text gives an empty one."""
    return dict(json.loads(text)) if text else {}


def from_envi_header(header: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the georeference of an ENVI header, or None where it has none.

    The affine numbers are left out where the image is rotated or the map information is not understood; the
    header's own fields are always kept.
    """
    fields = {name: header[name] for name in _ENVI_FIELDS if name in header}
    info = header.get("map info")
    if not isinstance(info, Sequence) or isinstance(info, str):
        return None
    result: dict[str, Any] = {"envi": fields}
    words = [str(word).strip() for word in info]
    try:
        column, row, easting, northing, width, height = (float(word) for word in words[1:7])
    except ValueError:
        return result
    numbers = (column, row, easting, northing, width, height)
    rotated = any(word.lower().startswith("rotation") and not _is_zero(word) for word in words[7:])
    if rotated or not all(math.isfinite(number) for number in numbers) or width <= 0 or height <= 0:
        return result
    # map info names the ground position of a pixel counted from 1, whose corner it is
    result["transform"] = [width, 0.0, easting - (column - 1) * width, 0.0, -height, northing + (row - 1) * height]
    crs = _crs_of(words, header.get("coordinate system string"))
    if crs:
        result["crs"] = crs
    return result


def to_envi_fields(georeference: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header fields that put an ENVI file in the same place."""
    if "envi" in georeference:
        return dict(georeference["envi"])
    if "transform" not in georeference:
        return {}
    from rasterio.crs import CRS

    width, shear_x, left, shear_y, height, top = georeference["transform"]
    if shear_x or shear_y or height >= 0 or width <= 0:
        return {}
    place = ["1", "1", repr(left), repr(top), repr(width), repr(-height)]
    fields: dict[str, Any] = {"map info": ["Arbitrary", *place]}
    if georeference.get("crs"):
        crs = CRS.from_wkt(georeference["crs"])
        code = crs.to_epsg() or 0
        if 32601 <= code <= 32660 or 32701 <= code <= 32760:
            side = "North" if code < 32700 else "South"
            fields["map info"] = ["UTM", *place, str(code % 100), side, "WGS-84", "units=Meters"]
        elif crs.is_geographic:
            fields["map info"] = ["Geographic Lat/Lon", *place, "WGS-84", "units=Degrees"]
        fields["coordinate system string"] = "{" + crs.to_wkt(version="WKT1_ESRI") + "}"
    return fields


def _crs_of(words: Sequence[str], text: object) -> str:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if isinstance(text, Sequence) and not isinstance(text, str):
        text = ",".join(str(part) for part in text)
    if isinstance(text, str) and text.strip("{} "):
        try:
            return str(CRS.from_wkt(text.strip("{} "), morph_from_esri_dialect=True).to_wkt())
        except CRSError:
            return ""
    if words[0] == "UTM" and len(words) >= 10 and words[9].replace(" ", "") in ("WGS-84", "WGS84"):
        try:
            zone = int(words[7])
        except ValueError:
            return ""
        if 1 <= zone <= 60 and words[8] in ("North", "South"):
            return str(CRS.from_epsg((32600 if words[8] == "North" else 32700) + zone).to_wkt())
    if words[0] == "Geographic Lat/Lon" and "WGS-84" in words[7:]:
        return str(CRS.from_epsg(4326).to_wkt())
    return ""


def _is_zero(word: str) -> bool:
    try:
        return float(word.partition("=")[2]) == 0.0
    except ValueError:
        return False
