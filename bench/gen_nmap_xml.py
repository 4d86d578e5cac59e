#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Nmap XML of the usual kind (about 8 kB per answering host, as `nmap -sS -O` writes it) or of the debug kind
(`-dd`: every closed port spelled out, about 120 kB per host) to standard output.

gen_nmap_xml.py HOSTS [--kind usual|debug] [--first 10.0.0.0] [--seed N]

The port list of the 1000 default ports comes from nmap itself, so nmap must be installed; nothing is scanned.
"""
import argparse
import ipaddress
import random
import re
import subprocess
import sys

SYSTEMS = [("Linux 4.15 - 5.6", "Linux", "Linux", "5.X", 96), ("Linux 3.2 - 4.9", "Linux", "Linux", "4.X", 100),
           ("Microsoft Windows 10 1709 - 1909", "Microsoft", "Windows", "10", 98),
           ("Microsoft Windows Server 2019", "Microsoft", "Windows", "2019", 93),
           ("Apple macOS 11 (Big Sur) - 13", "Apple", "macOS", "13.X", 95), ("FreeBSD 12.0-RELEASE", "FreeBSD", "FreeBSD", "12.X", 91),
           ("HP JetDirect J7934G", "HP", "embedded", None, 97), ("Cisco IOS 15.2", "Cisco", "IOS", "15.X", 94)]
OPEN = [(22, "ssh"), (80, "http"), (443, "https"), (135, "msrpc"), (445, "microsoft-ds"), (3389, "ms-wbt-server"), (8080, "http-proxy"),
        (9100, "jetdirect"), (515, "printer"), (25, "smtp")]
VENDORS = [("00:1B:21", "Intel Corporate"), ("3C:22:FB", "Apple"), ("00:50:56", "VMware"), ("00:16:3E", "Xensource"), ("B8:27:EB", "Raspberry Pi Foundation")]


def default_ports():
    out = subprocess.run(["nmap", "-oG", "-", "-sT", "-v"], capture_output=True, text=True).stdout
    return re.search(r"TCP\(1000;([0-9,-]+)\)", out).group(1)


def expand(ports):
    for part in ports.split(","):
        low, _, high = part.partition("-")
        yield from range(int(low), int(high or low) + 1)


def without(everything, gone):
    """The port list again as text, without some ports."""
    left, out = [p for p in everything if p not in gone], []
    start = before = left[0]
    for port in left[1:] + [None]:
        if port != before + 1 if port is not None else True:
            out.append(str(start) if start == before else f"{start}-{before}")
            start = port
        before = port
    return ",".join(out)


def os_part(random_, debug):
    rows = random_.sample(SYSTEMS, 8)
    out = ['<os><portused state="open" proto="tcp" portid="22"/>\n<portused state="closed" proto="tcp" portid="1"/>\n']
    for n, (name, vendor, family, generation, accuracy) in enumerate(rows):
        osgen = f' osgen="{generation}"' if generation else ""
        out.append(f'<osmatch name="{name}" accuracy="{accuracy - 2 * n}" line="{1000 + n}">\n<osclass type="general purpose" vendor="{vendor}" '
                   f'osfamily="{family}"{osgen} accuracy="{accuracy - 2 * n}"><cpe>cpe:/o:{vendor.lower()}:{family.lower()}</cpe></osclass>\n</osmatch>\n')
    if debug:
        out.append('<osfingerprint fingerprint="' + "SCAN(V=7.93%E=4%D=11/25%OT=22%CT=1)&#xa;" * 20 + '"/>\n')
    out.append('</os>\n<uptime seconds="%d" lastboot="Mon Nov 23 08:00:00 2026"/>\n<distance value="%d"/>\n'
               % (random_.randrange(10**6), random_.randrange(1, 6)))
    out.append('<tcpsequence index="260" difficulty="Good luck!" values="9C1B5E2F,5B9E8A2C,1D3F6B70,C2D1A0F9,7E5D4C3B,0A1B2C3D"/>\n'
               '<ipidsequence class="All zeros" values="0,0,0,0,0,0"/>\n<tcptssequence class="1000HZ" values="1,2,3,4,5,6"/>\n')
    return "".join(out)


def host(random_, address, number, everything, start, debug):
    open_ports = sorted(random_.sample(OPEN, random_.randrange(2, 6)))
    prefix, vendor = random_.choice(VENDORS)
    mac = f"{prefix}:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"
    gone = {p for p, _ in open_ports}
    out = [f'<host starttime="{start}" endtime="{start + 40}"><status state="up" reason="echo-reply" reason_ttl="{random_.choice((64, 128, 255))}"/>\n'
           f'<address addr="{address}" addrtype="ipv4"/>\n<address addr="{mac}" addrtype="mac" vendor="{vendor}"/>\n'
           f'<hostnames>\n<hostname name="host-{number}.example.net" type="PTR"/>\n</hostnames>\n<ports>']
    if debug:
        for port in everything:
            if port not in gone:
                out.append(f'<port protocol="tcp" portid="{port}"><state state="closed" reason="reset" reason_ttl="64"/>'
                           f'<service name="unknown" method="table" conf="3"/></port>\n')
    else:
        closed = without(everything, gone)
        half = closed[:len(closed) // 4]
        half = half[:half.rindex(",")]
        rest = closed[len(half) + 1:]
        out.append(f'<extraports state="closed" count="900">\n<extrareasons reason="reset" count="900" proto="tcp" ports="{rest}"/>\n</extraports>\n'
                   f'<extraports state="filtered" count="96">\n<extrareasons reason="no-response" count="96" proto="tcp" ports="{half}"/>\n</extraports>\n')
    for port, name in open_ports:
        out.append(f'<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack" reason_ttl="64"/>'
                   f'<service name="{name}" method="table" conf="3"/></port>\n')
    out.append("</ports>\n" + os_part(random_, debug) + '<times srtt="1000" rttvar="500" to="100000"/>\n</host>\n')
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", type=int)
    parser.add_argument("--kind", choices=("usual", "debug"), default="usual")
    parser.add_argument("--first", default="10.0.0.0")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random_, ports, start = random.Random(args.seed), default_ports(), 1795600000
    everything, first = list(expand(ports)), int(ipaddress.ip_address(args.first))
    write = sys.stdout.write
    write('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap" args="nmap -sS -O -oX - '
          f'{args.first}/8" start="{start}" version="7.93" xmloutputversion="1.05">\n<scaninfo type="syn" protocol="tcp" '
          f'numservices="1000" services="{ports}"/>\n<verbose level="0"/>\n<debugging level="0"/>\n')
    for number in range(args.hosts):
        address = ipaddress.ip_address(first + number)
        write(f'<hosthint><status state="up" reason="unknown-response" reason_ttl="0"/>\n<address addr="{address}" addrtype="ipv4"/>\n'
              "<hostnames>\n</hostnames>\n</hosthint>\n")
        write(host(random_, address, number, everything, start + number // 64, args.kind == "debug"))
    write(f'<runstats><finished time="{start + 9999}" elapsed="9999" exit="success" summary="done"/><hosts up="{args.hosts}" down="0" '
          f'total="{args.hosts}"/>\n</runstats>\n</nmaprun>\n')


main()
