"""
Looks for texts in files by pydicom and in raw bytes, whatever the case. Usage: findPlanted.py TEXTS.json FOLDER FILE... ; prints, for
each file, texts and where they were found.
"""
import json
import sys
import zlib

import pydicom

texts = json.load(open(sys.argv[1], encoding="utf-8"))
ENCODINGS = ["latin-1", "utf-8", "utf-16-le", "utf-16-be", "iso2022_jp", "iso8859_5", "gb18030"]


def values(dataset):
    for element in dataset:
        yield str(element.tag), element.value
        if element.VR == "SQ":
            for item in element.value:
                yield from values(item)


def inflated(raw: bytes) -> bytes:
    offset = 132 + 12 + int.from_bytes(raw[140:144], "little")
    try:
        return zlib.decompress(raw[offset:], -zlib.MAX_WBITS)
    except zlib.error:
        return b""


found = {}
for path in sys.argv[3:]:
    name = f"{sys.argv[2]}/{path}"
    raw = open(name, "rb").read()
    everything = (raw + inflated(raw)).lower()
    hits = []
    for text in texts:
        for encoding in ENCODINGS:
            try:
                needle = text.lower().encode(encoding)
            except UnicodeEncodeError:
                continue
            if needle in everything:
                hits.append([text, f"bytes in {encoding}"])
    dataset = pydicom.dcmread(name)
    dataset.decode()
    for where, value in list(values(dataset)) + list(values(dataset.file_meta)):
        shown = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        plain = "".join(letter for letter in shown.lower() if letter.isalnum())
        for text in texts:
            if "".join(letter for letter in text.lower() if letter.isalnum()) in plain and len(plain) < 100_000:
                hits.append([text, where])
    found[path] = hits
print(json.dumps(found))
