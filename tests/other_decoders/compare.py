"""Reads the same PDUs with this program and with another decoder, and explains where they differ.

    compare.py tshark|smspdudecoder CALLNUMBER FOLDER
    compare.py fetch FOLDER            has the one that comes from PyPI ready, or fails

The PDUs come from a seed (CALLNUMBER_SEED, CALLNUMBER_PDUS), written octet by octet after TS 23.040
and TS 23.038: every type, coding, header and kind of address, and some that are cut short. It fails
when a difference is not explained below, and, with the seed and number it has here, when an
explanation explains nothing any more.
"""
import json
import os
import random
import struct
import subprocess
import sys
from datetime import datetime, timezone

SEED = int(os.environ.get("CALLNUMBER_SEED", "23040"))
COUNT = int(os.environ.get("CALLNUMBER_PDUS", "10000"))
PACKAGE = "smspdudecoder==2.2.0"
NEEDS = "bitstring<4.3"  # later ones lack what it imports


# ---- making ------------------------------------------------------------------------------------


def pack(septets, fill):
    """TS 23.038 §6.1.2.1."""
    bits = fill
    value = 0
    for septet in septets:
        value |= septet << bits
        bits += 7
    return value.to_bytes((bits + 7) // 8, "little")


def coding(dcs):
    """TS 23.038 §4."""
    if dcs < 0x80:
        if dcs & 0x20:
            return "octets"  # compressed
        return ("septets", "octets", "ucs2", "septets")[dcs >> 2 & 3]
    if 0xE0 <= dcs <= 0xEF:
        return "ucs2"
    if dcs >= 0xF0 and dcs & 4:
        return "octets"
    return "septets"


class Made:
    """One PDU, and what was put into it."""

    def __init__(self, rng):
        self.rng = rng
        self.elements = []
        self.septets = []
        self.name = self.odd_digits = self.no_time = self.truncated = False
        self.ton = self.vpf = None
        self.dcs = self.digits = None
        self.coding = None
        self.tail = False
        smsc = rng.choice(["00", "07915155210399F9", "07915155210399F9"])
        self.smsc = bytes.fromhex(smsc)
        header = rng.random() < 0.33
        flags = rng.choice([0x00, 0x04, 0x24, 0xA4, 0x80])
        self.kind = rng.choice(["deliver", "deliver", "submit", "submit", "status-report"])
        udhi = 0x40 if header else 0
        if self.kind == "deliver":
            out = bytes([flags | udhi]) + self.address(True)
            self.dcs = self.scheme()
            out += bytes([self.protocol(), self.dcs]) + self.time() + self.user_data(header)
        elif self.kind == "submit":
            vpf = self.vpf = rng.randrange(4)
            out = bytes([0x01 | flags & 0xA4 | vpf << 3 | udhi, rng.randrange(256)])
            out += self.address(False)
            self.dcs = self.scheme()
            out += bytes([self.protocol(), self.dcs])
            if vpf == 2:
                out += bytes([rng.randrange(256)])
            elif vpf == 3:
                out += self.time()
            elif vpf == 1:  # enhanced, §9.2.3.12.3
                out += bytes.fromhex(rng.choice(["01050000000000", "02FF0000000000", "03214355000000"]))
            out += self.user_data(header)
        else:
            out = bytes([0x02 | flags & 0x24, rng.randrange(256)]) + self.address(False)
            out += self.time() + self.time() + bytes([rng.randrange(0x80)])
            if rng.random() < 0.3:
                self.tail = True
                self.dcs = rng.choice([0x00, 0x04, 0x08])
                out += bytes([0x07, self.protocol(), self.dcs]) + self.user_data(False)
        if rng.random() < 0.05:
            self.truncated = True
            out = out[: rng.randrange(1, len(out) + 1)]
        self.tpdu = out
        self.pdu = self.smsc + out

    def address(self, may_be_name):
        rng = self.rng
        if may_be_name and rng.random() < 0.2:
            self.name = True
            letters = [rng.randrange(0x41, 0x5B) for _ in range(rng.randrange(1, 12))]
            return bytes([-(-len(letters) * 7 // 4), 0xD0]) + pack(letters, 0)
        count = self.digits = rng.randrange(1, 21)
        self.ton = rng.choice([0x91, 0x81, 0xA1, 0xB9, 0xC8, 0xE3])
        digits = [rng.randrange(10) for _ in range(count)]
        if rng.random() < 0.1:
            self.odd_digits = True
            digits[rng.randrange(count)] = rng.randrange(10, 15)  # * # a b c
        if count % 2:
            digits.append(0xF)
        pairs = zip(digits[::2], digits[1::2])
        return bytes([count, self.ton]) + bytes(high << 4 | low for low, high in pairs)

    def protocol(self):
        return self.rng.choice([0x00, 0x00, 0x39, 0x41, 0x40, 0x7F])

    def scheme(self):
        usual = [0x00] * 6 + [0x08] * 4 + [0x04] * 2
        return self.rng.choice(usual + [0x11, 0x10, 0x18, 0xF1, 0xF5, 0xC8, 0xD0, 0xE0, 0x40, self.rng.randrange(256)])

    def time(self):
        rng = self.rng
        if rng.random() < 0.03:
            self.no_time = True
            return bytes.fromhex("00009942060623")
        swap = lambda value: value % 10 << 4 | value // 10
        zone = rng.randrange(57)
        sign = 8 if zone and rng.random() < 0.5 else 0
        parts = [rng.randrange(90), rng.randrange(1, 13), rng.randrange(1, 29), rng.randrange(24), rng.randrange(60), rng.randrange(60)]
        return bytes([*map(swap, parts), swap(zone) | sign])

    def element(self):
        """§9.2.3.24."""
        rng = self.rng
        octets = lambda count: [rng.randrange(256) for _ in range(count)]
        total = rng.randrange(1, 9)
        return rng.choice([
            (0x00, octets(1) + [total, rng.randrange(1, total + 1)]),
            (0x00, octets(1) + [total, rng.randrange(1, total + 1)]),
            (0x08, octets(2) + [total, rng.randrange(1, total + 1)]),
            (0x05, [0x0B, 0x84, 0x23, 0xF0]),
            (0x04, octets(2)),
            (0x24, [rng.randrange(1, 14)]),
            (0x25, [rng.randrange(1, 14)]),
            (0x01, [0x80, rng.randrange(20)]),
            (rng.randrange(0x70, 0x80), octets(rng.randrange(4))),
        ])

    def user_data(self, with_header):
        rng = self.rng
        header = b""
        if with_header:
            for _ in range(rng.randrange(1, 3)):
                element = self.element()
                # Each kind once: which of two counts is another question.
                kind = lambda id: 0 if id == 8 else id
                if kind(element[0]) not in [kind(id) for id, _ in self.elements]:
                    self.elements.append(element)
            header = b"".join(bytes([id, len(data), *data]) for id, data in self.elements)
            header = bytes([len(header)]) + header
        self.coding = coding(self.dcs)
        room = 140 - len(header)
        if self.coding == "septets":
            front = -(-len(header) * 8 // 7)
            count = rng.randrange(160 - front + 1)
            while len(self.septets) < count:
                if rng.random() < 0.05 and len(self.septets) + 2 <= count:
                    self.septets += [0x1B, rng.choice(b"\x0A\x14\x28\x29\x2F\x3C\x3D\x3E\x40\x65")]
                else:
                    septet = rng.randrange(128)
                    self.septets.append(0x20 if septet == 0x1B else septet)
            return bytes([front + count]) + header + pack(self.septets, front * 7 - len(header) * 8)
        if self.coding == "octets":
            body = bytes(rng.randrange(256) for _ in range(rng.randrange(room + 1)))
        else:
            ranges = [(0x20, 0x7F), (0x20, 0x7F), (0x391, 0x3AA), (0x410, 0x450), (0x4E00, 0x4F00), (0x1F600, 0x1F640)]
            body = b""
            for _ in range(rng.randrange(room // 2 + 1)):
                body += chr(rng.randrange(*rng.choice(ranges))).encode("utf-16-be")
            while len(body) > room:
                body = body.decode("utf-16-be")[:-1].encode("utf-16-be")
        return bytes([len(header) + len(body)]) + header + body

    def has(self, *ids):
        return any(id in ids for id, _ in self.elements)


# ---- reading -----------------------------------------------------------------------------------


def ours(program, made):
    lines = "".join(m.pdu.hex().upper() + "\n" for m in made)
    output = subprocess.run([program, "pdu", "decode"], input=lines, capture_output=True, text=True, check=True)
    readings = []
    for line in output.stdout.splitlines():
        found = json.loads(line)
        if "error" in found:
            readings.append({"error": found["error"]})
            continue
        reading = {key: found.get(key) for key in ("type", "text", "reference", "status")}
        reading["address"] = (found["address"] or "").removeprefix("+")
        reading["time"] = found.get("timestamp")
        joined = found.get("concat")
        reading["concat"] = joined and (joined["ref"], joined["total"], joined["seq"])
        readings.append(reading)
    return readings


def find(tree, name):
    """A field's value, however deep; the last of several."""
    if not isinstance(tree, dict):
        return None
    if name in tree:
        value = tree[name]
        return value[-1] if isinstance(value, list) else value
    for branch in tree.values():
        value = find(branch, name)
        if value is not None:
            return value
    return None


def tshark(made, folder):
    """Each TPDU an exported PDU (link type 252) of gsm_sms, seen from the network."""
    path = os.path.join(folder, f"texts-{os.getpid()}.pcap")
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 252))
        for m in made:
            direction = 1 if m.kind == "submit" else 0
            packet = struct.pack(">HH8sHHIHH", 12, 8, b"gsm_sms\0", 35, 4, direction, 0, 0) + m.tpdu
            capture.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    try:
        output = subprocess.run(
            ["tshark", "-n", "-T", "json", "-J", "gsm_sms", "-o", "gsm_sms.reassemble:FALSE", "-r", path],
            capture_output=True, text=True, check=True, env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder},
        )
    finally:
        os.remove(path)
    readings = []
    for packet in json.loads(output.stdout):
        layers = packet["_source"]["layers"]
        sms = layers["gsm_sms"]
        if "Malformed Packet" in json.dumps(layers) or "Short Data (?)" in json.dumps(layers):
            readings.append({"error": "malformed"})
            continue
        number = lambda name: None if find(sms, name) is None else int(find(sms, name), 0)
        reading = {"type": {0: "deliver", 1: "submit", 2: "status-report"}.get(number("gsm_sms.tp-mti"))}
        reading["text"] = find(sms, "gsm_sms.sms_text") or None
        reading["reference"] = number("gsm_sms.tp-mr")
        for name in ("oa", "da", "ra"):
            reading["address"] = find(sms, f"gsm_sms.tp-{name}") or reading.get("address")
        stamp = find(sms, "TP-Service-Centre-Time-Stamp")
        if stamp:
            part = lambda name: int(find(stamp, f"gsm_sms.scts.{name}"))
            reading["time"] = tuple(map(part, ("year", "month", "day", "hour", "minutes", "seconds", "timezone")))
        parts = [number(f"gsm_sms.udh.mm.{name}") for name in ("msg_id", "msg_parts", "msg_part")]
        reading["concat"] = None if None in parts else tuple(parts)
        readings.append(reading)
    return readings


READER = r"""
import json, logging, sys
from io import StringIO
from smspdudecoder.fields import SMSDeliver, SMSSubmit
logging.disable(logging.CRITICAL)
for line in sys.stdin:
    kind, pdu = line.split()
    try:
        sms = (SMSDeliver if kind == "deliver" else SMSSubmit).decode(StringIO(pdu))
        data = sms["user_data"]["data"]
        found = {"type": kind, "address": (sms.get("sender") or sms.get("recipient"))["number"],
                 "text": data if isinstance(data, str) else None, "concat": None}
        if kind == "deliver":
            found["time"] = sms["scts"].strftime("%Y-%m-%dT%H:%M:%SZ")
        for element in (sms["user_data"].get("header") or {}).get("elements", []):
            if element["iei"] in (0, 8):
                parts = element["data"]
                found["concat"] = [parts["reference"], parts["parts_count"], parts["part_number"]]
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))
"""


def interpreter(folder):
    """A virtual environment of its own, made once."""
    place = os.path.join(folder, PACKAGE.replace("==", "-"))
    python = os.path.join(place, "bin", "python")
    has_it = lambda: os.path.exists(python) and not subprocess.run([python, "-c", "import smspdudecoder.fields"], capture_output=True).returncode
    if not has_it():
        subprocess.run([sys.executable, "-m", "venv", place], check=False)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE, NEEDS], check=False)
    return python if has_it() else None


def smspdudecoder(python, made):
    lines = "".join(f"{m.kind} {m.pdu.hex().upper()}\n" for m in made)
    output = subprocess.run([python, "-c", READER], input=lines, capture_output=True, text=True, check=True)
    readings = [json.loads(line) for line in output.stdout.splitlines()]
    for reading in readings:
        if reading.get("concat"):
            reading["concat"] = tuple(reading["concat"])
    return readings


# ---- comparing ---------------------------------------------------------------------------------


def digits_of(time):
    """Our RFC 3339 as tshark's seven numbers, which have no sign."""
    try:
        at = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    zone = abs(int(at.utcoffset().total_seconds())) // 900
    return (at.year % 100, at.month, at.day, at.hour, at.minute, at.second, zone)


def in_utc(time):
    try:
        return datetime.fromisoformat(time).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError):
        return None


TSHARK = [
    ("""An enhanced TP-VP is seven octets whatever it says (§9.2.3.12.3); tshark takes fewer, and reads
     what is left of it as the length and the text.""",
     lambda m, name, a, b: m.vpf == 1 and name in ("error", "text", "concat")),
    ("""Fewer octets than TP-UDL says (§9.2.3.16): an error here, for the rest may be on its way; tshark
     shows what is there.""",
     lambda m, name, a, b: m.truncated and name == "error" and b is None),
    ("""Digits that are no date (§9.2.3.11 gives each its range): no time here; tshark shows the
     digits.""",
     lambda m, name, a, b: m.no_time and name == "time" and a is None),
    ("""An international number of one to three digits is still a TP-address (§9.1.2.5); tshark hands it
     to its reader of E.164 numbers, which wants a country code and more.""",
     lambda m, name, a, b: name == "error" and a is None and m.ton == 0x91 and (m.digits <= 3 or m.odd_digits)),
    ("""Character set 11 is reserved, and so the default alphabet (TS 23.038 §4); tshark shows no text.""",
     lambda m, name, a, b: name == "text" and b is None and (m.dcs or 0) < 0x40 and m.dcs & 0x2C == 0x0C),
    ("""The automatic deletion group, 01, has the alphabets of the general one (TS 23.038 §4); tshark shows
     no text.""",
     lambda m, name, a, b: name == "text" and b is None and 0x40 <= (m.dcs or 0) <= 0x7F),
    ("""A report is what stands before its optional tail (§9.2.2.3); a tail that is cut short is left out
     here, and shown by tshark as far as it goes.""",
     lambda m, name, a, b: name == "text" and a is None and m.truncated and m.tail),
    ("""Reserved coding groups are the default alphabet to whoever receives them (TS 23.038 §4); tshark
     shows no text.""",
     lambda m, name, a, b: name == "text" and b is None and 0x80 <= (m.dcs or 0) <= 0xBF),
    ("""National language tables (§9.2.3.24.15, §9.2.3.24.16; TS 23.038 §6.2.1.2): tshark names the
     language and reads the default alphabet.""",
     lambda m, name, a, b: name == "text" and m.has(0x24, 0x25) and m.coding == "septets"),
]
SMSPDUDECODER = [
    ("""It reads two bits of TP-DCS; the groups above 7, and compressed text, mean otherwise (TS 23.038
     §4).""",
     lambda m, name, a, b: name in ("error", "text") and (m.dcs or 0) >= 0x80 or (m.dcs or 0) & 0xA0 == 0x20),
    ("""Fewer octets than TP-UDL says (§9.2.3.16): an error here, for the rest may be on its way; there
     what is there is read.""",
     lambda m, name, a, b: m.truncated and name == "error"),
    ("""An enhanced TP-VP is seven octets (§9.2.3.12.3); it knows no such format.""",
     lambda m, name, a, b: m.vpf == 1 and name in ("error", "text", "concat")),
    ("""Digits that are no date (§9.2.3.11): the text is read here all the same; there it is an error.""",
     lambda m, name, a, b: m.no_time and name == "error" and a is None),
    ("""Seven letters leave seven bits over (§9.1.2.5 counts semi-octets in use): no `@`.""",
     lambda m, name, a, b: m.name and name == "address" and a + "@" == b),
    ("""Semi-octets 10 to 14 are * # a b c (§9.1.2.3); it shows them as hexadecimal digits.""",
     lambda m, name, a, b: m.odd_digits and name == "address"),
    ("""National language tables (§9.2.3.24.15, §9.2.3.24.16; TS 23.038 §6.2.1.2): it knows none.""",
     lambda m, name, a, b: name == "text" and m.has(0x24, 0x25) and m.coding == "septets"),
    ("""TP-UDL counts septets (§9.2.3.16), and the extension table takes two for a character: it counts
     characters, and so takes the seven bits that are left over for an `@`.""",
     lambda m, name, a, b: name == "text" and 0x1B in m.septets and a + "@" == b),
    ("""A header is octets (§9.2.3.24): it reads it as septets of text before cutting it off, and an
     escape among them moves the cut.""",
     lambda m, name, a, b: name == "text" and m.elements and m.coding == "septets"),
]


def compare(made, ours, theirs, fields, explanations):
    counts = [0] * len(explanations)
    alike = 0
    unexplained = {}
    for m, our, their in zip(made, ours, theirs, strict=True):
        names = ["error"] if ("error" in our) != ("error" in their) else [] if "error" in our else fields
        same = True
        for name in names:
            a, b = our.get(name), their.get(name)
            if a == b:
                continue
            same = False
            for at, (_, holds) in enumerate(explanations):
                if holds(m, name, a, b):
                    counts[at] += 1
                    break
            else:
                unexplained.setdefault(name, []).append((m, a, b))
        alike += same
    print(f"seed {SEED}: {len(made)} PDUs, {alike} read alike")
    for count, (why, _) in zip(counts, explanations):
        print(f"{count:6}  {' '.join(why.split())}")
    for name, rows in unexplained.items():
        print(f"{name}: {len(rows)} not explained")
        for m, a, b in rows[: int(os.environ.get("CALLNUMBER_SHOW", "5"))]:
            print(f"  {m.pdu.hex().upper()}\n    {m.kind} dcs {m.dcs} {m.coding} {m.elements} name {m.name} ton {m.ton} cut {m.truncated}\n    ours   {a!r}\n    theirs {b!r}")
    as_here = SEED == 23040 and COUNT == 10000
    stale = [why for count, (why, _) in zip(counts, explanations) if as_here and not count]
    for why in stale:
        print(f"explains nothing any more: {' '.join(why.split())}")
    return not unexplained and not stale


def main():
    if sys.argv[1] == "fetch":
        return interpreter(sys.argv[2]) is not None
    other, program, folder = sys.argv[1:]
    rng = random.Random(SEED)
    made = [Made(rng) for _ in range(COUNT)]
    if other == "tshark":
        mine = ours(program, made)
        for reading in mine:
            # An empty text is no text to it.
            reading["text"] = reading.get("text") or None
            if "time" in reading:
                reading["time"] = digits_of(reading["time"])
        fields = ["type", "reference", "address", "time", "text", "concat"]
        return compare(made, mine, tshark(made, folder), fields, TSHARK)
    made = [m for m in made if m.kind != "status-report"]  # it reads none
    python = interpreter(folder)
    if python is None:
        print(f"NOT RUN: {PACKAGE} cannot be had from PyPI")
        return "CALLNUMBER_WITHOUT_PYPI" in os.environ
    mine = ours(program, made)
    for reading in mine:
        if "time" in reading:
            reading["time"] = in_utc(reading["time"])
    return compare(made, mine, smspdudecoder(python, made), ["address", "time", "text", "concat"], SMSPDUDECODER)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
