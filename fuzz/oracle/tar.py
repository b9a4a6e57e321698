"""Python's reading of tars. Asked on the standard input: four bytes of length, little endian, then the tar. Answers
with a line of JSON: {"Ok": [[path, kind, size, where its content begins], ...]} or {"Err": why}."""

import io
import json
import sys
import tarfile


def kind(member):
    if member.sparse is not None:
        return "S"
    # Before POSIX a directory was an empty file whose name ends in a slash, which tarfile may take off.
    if member.isreg() and member.size == 0:
        return "5"
    if member.isreg():
        return "0"
    return member.type.decode("latin-1") if member.type in b"125" else "S"


def read(tar):
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            members = archive.getmembers()
    except tarfile.ReadError as error:
        # Nothing is an archive of nothing to barge, also behind a global record; it says later that it is no image.
        nothing = ("empty file", "empty header", "end of file header")
        return {"Ok": []} if str(error) in nothing else {"Err": str(error)}
    except Exception as error:  # tarfile raises whatever its reading of a number leads to
        return {"Err": f"{type(error).__name__}: {error}"}
    entries = []
    for member in members:
        # As archive::entries has it. tarfile itself takes the slashes off what it knows to be a directory.
        path = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\ufffd", "\\x")
        type = kind(member)
        if type == "S":
            entries.append(["", "S", 0, 0])
            continue
        entries.append([path.rstrip("/"), type, member.size if type == "0" else 0, member.offset_data])
    return {"Ok": entries}


while head := sys.stdin.buffer.read(4):
    answer = read(sys.stdin.buffer.read(int.from_bytes(head, "little")))
    print(json.dumps(answer), flush=True)
