/* SPDX-License-Identifier: Apache-2.0 */
/* What the nmap method says of itself: options, fields, texts. */
#include "nmap.h"

#define TEXT MUSTER_OPTION_TEXT
#define BOOL MUSTER_OPTION_BOOL

static const struct muster_option options[] = {
        {.name = "include",
         .type = MUSTER_OPTION_TARGETS,
         .flags = MUSTER_OPTION_REQUIRED,
         .limited_by = "max_addresses",
         .help = "What to scan: CIDR, ranges, addresses and host names, comma-separated, IPv4 and IPv6."},
        {.name = "exclude",
         .type = MUSTER_OPTION_TARGETS,
         .help = "What to leave out of it, in the same form: VPN pools with personal devices, zone servers, fragile equipment."},
        {.name = "max_addresses",
         .type = MUSTER_OPTION_INT,
         .default_value = "4096",
         .minimum = 1,
         .maximum = 1 << 24,
         .help = "A profile that includes more addresses is refused. Counted after removing duplicates and before exclusions."},
        {.name = "arp",
         .type = BOOL,
         .default_value = "on",
         .help = "On the machine's own link ask by ARP and neighbour discovery. Off asks there as everywhere else."},
        {.name = "discovery",
         .type = MUSTER_OPTION_CHOICE,
         .default_value = "default",
         .choices = "default|icmp|tcp|wide",
         .help = "How a host is found: default is ICMP echo and TCP 80 and 443; icmp or tcp is one half of that; wide asks more "
                 "TCP and UDP ports and finds more behind firewalls."},
        {.name = "assume_online",
         .type = BOOL,
         .default_value = "off",
         .help = "Scan every address without asking first whether it answers. Slow; an address that answers nothing is no interface."},
        {.name = "os_detection",
         .type = MUSTER_OPTION_CHOICE,
         .default_value = "on",
         .choices = "on|off|new",
         .help = "Tell the operating system from the answers. new: only of addresses never fingerprinted or longer ago than os_max_age."},
        {.name = "os_max_age",
         .type = MUSTER_OPTION_DURATION,
         .default_value = "7d",
         .minimum = 60000,
         .maximum = 315360000000,
         .help = "With os_detection = new: how old a fingerprint may be."},
        {.name = "ports",
         .type = MUSTER_OPTION_PORTS,
         .default_value = "top-1000",
         .help = "TCP ports: 22,80,8000-8100 or top-N, the N most used. none asks only which hosts are there."},
        {.name = "udp_ports",
         .type = MUSTER_OPTION_PORTS,
         .help = "UDP ports in the same form. Slow: hosts limit how often they say that a port is closed."},
        {.name = "service_versions",
         .type = BOOL,
         .default_value = "off",
         .flags = MUSTER_OPTION_RISKY,
         .help = "Ask open ports which product and version answers. It talks to services, and some print or log what they get."},
        {.name = "scripts",
         .type = BOOL,
         .default_value = "off",
         .flags = MUSTER_OPTION_RISKY,
         .help = "Run Nmap's scripts of the category \"safe\", without those that broadcast or ask third parties."},
        {.name = "source_port",
         .type = MUSTER_OPTION_INT,
         .default_value = "0",
         .minimum = 0,
         .maximum = 65535,
         .flags = MUSTER_OPTION_RISKY,
         .help = "Send probes from this port; 0: any. It may weaken the OS generation: some systems drop repeated probes from one port."},
        {.name = "interface", .type = TEXT, .help = "Network interface to send from, instead of the zone's."},
        {.name = "source_address",
         .type = MUSTER_OPTION_ADDRESSES,
         .help = "Address to send from, instead of the zone's."},
        {.name = "max_rate",
         .type = MUSTER_OPTION_RATE,
         .default_value = "0",
         .help = "Packets per second for the whole profile, shared by its shards; 0: as the zone and the installation allow. Service "
                 "versions, scripts and lookups of names use connections of their own and do not count."},
        {.name = "timing",
         .type = MUSTER_OPTION_CHOICE,
         .default_value = "normal",
         .choices = "paranoid|sneaky|polite|normal|aggressive|insane",
         .help = "Nmap's timing template, -T0 to -T5. aggressive suits a fast local network; insane loses answers. polite waits 0.4 s "
                 "after each probe to a host, sneaky 15 s, paranoid 5 min."},
        {.name = "host_timeout",
         .type = MUSTER_OPTION_DURATION,
         .default_value = "15m",
         .minimum = 1000,
         .maximum = 86400000,
         .help = "Give up on a host after this time. What is known of it stays, nothing is withdrawn."},
        {.name = "dns", .type = BOOL, .default_value = "on", .help = "Look up the names of hosts that answer."},
        {.name = "dns_servers",
         .type = MUSTER_OPTION_ADDRESSES,
         .help = "Ask these name servers, instead of the zone's or the machine's. Names in include are asked of the IPv4 ones."},
        {.name = "parallel",
         .type = MUSTER_OPTION_INT,
         .default_value = "16",
         .minimum = 1,
         .maximum = 64,
         .help = "How many Nmap processes may run side by side, at most: Muster runs fewer when cores, open files or the network ask "
                 "for it. A scan mostly waits, so this is what makes it fast."},
        {.name = "connect_scan",
         .type = BOOL,
         .default_value = "off",
         .help = "Scan with ordinary connections, for machines without raw sockets: no OS, no MAC, no UDP, and fewer hosts found."},
};

#define ROW(name, label, type, flags, help)                                                                            \
	{                                                                                                              \
		name, label, type, flags, help                                                                         \
	}
static const struct muster_field fields[] = {
        ROW("ip", "IP", MUSTER_FIELD_ADDRESS, MUSTER_FIELD_INDEXED | MUSTER_FIELD_DEFAULT,
            "The address that answered."),
        ROW("ips", "IPS", MUSTER_FIELD_LIST, 0, "Further addresses of the same host."),
        ROW("mac", "MAC", MUSTER_FIELD_TEXT, MUSTER_FIELD_INDEXED | MUSTER_FIELD_DEFAULT,
            "Hardware address. Only of hosts on the scanning machine's own link."),
        ROW("vendor", "VENDOR", MUSTER_FIELD_TEXT, MUSTER_FIELD_DEFAULT, "Maker of the network card, by the MAC."),
        ROW("names", "NAME", MUSTER_FIELD_LIST, MUSTER_FIELD_DEFAULT,
            "Names: PTR from DNS, user from the target list."),
        ROW("answered", "ANSWERED", MUSTER_FIELD_BOOL, 0, "Off: only assumed to be there."),
        ROW("reason", "REASON", MUSTER_FIELD_TEXT, 0, "The answer that showed the host."),
        ROW("os", "OS", MUSTER_FIELD_OBJECT, MUSTER_FIELD_INDEXED | MUSTER_FIELD_DEFAULT,
            "Platform, generation (a best guess), accuracy in percent, all matches, or a note why there is none."),
        ROW("ports", "PORTS", MUSTER_FIELD_LIST, MUSTER_FIELD_INDEXED | MUSTER_FIELD_DEFAULT,
            "Ports by protocol and state."),
        ROW("services", "SERVICES", MUSTER_FIELD_LIST, 0, "Products and versions, with script output."),
        ROW("scripts", "SCRIPTS", MUSTER_FIELD_LIST, 0, "Script output about the whole host."),
        ROW("distance", "DISTANCE", MUSTER_FIELD_INT, 0, "Network hops."),
        ROW("uptime", "UPTIME", MUSTER_FIELD_OBJECT, 0, "Seconds since the last boot, a guess from TCP timestamps."),
        ROW("timed_out", "TIMED OUT", MUSTER_FIELD_BOOL, 0, "Given up after host_timeout."),
        ROW("seen", "SEEN", MUSTER_FIELD_TIME, MUSTER_FIELD_INDEXED, "When Nmap was done with the host."),
};
#undef ROW

const char nmap_raw_cure[] =
        "run as root; or start Muster as yourself with the one capability that is needed: "
        "sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups --inh-caps=+net_raw --ambient-caps=+net_raw "
        "muster scan nmap ... (quickstart does this for you); or set connect_scan = on (no OS, no MAC, fewer hosts)";

static const struct muster_text texts[] = {
        {"setup", "Installing Nmap",
         "Muster calls the nmap program; it does not contain it.\n"
         "\n"
         "  sudo apt install nmap            Debian, Ubuntu\n"
         "  sudo dnf install nmap            Fedora, RHEL and kin\n"
         "  sudo muster plugins setup nmap   the same, remembered, so that --remove takes away only what it installed\n"
         "\n"
         "Tested with Nmap 7.93; XML files of any version can be imported. Then: muster profiles test NAME\n"},
        {"traffic", "How much traffic a scan makes",
         "With OS detection and the 1000 usual TCP ports, count 122 000 bytes for each address that answers (133 000 were\n"
         "measured for one host). An address that does not answer costs some 400 bytes. Most of it are the ports: each costs\n"
         "about 114 bytes, so that 10 ports come to 9 kB an address. A /24 with 200 answering hosts: 24 MB.\n"
         "\n"
         "max_rate limits packets per second, for a profile, a zone or the installation; it is shared by all Nmap processes.\n"
         "Answers come back to the ports that Nmap sends from: a firewall between must let them through.\n"},
        {"privileges", "What rights a scan needs",
         "Nmap sends and reads raw packets, for which Linux wants CAP_NET_RAW, and nothing else. The service has it through\n"
         "its unit (AmbientCapabilities=CAP_NET_RAW) and hands it to Nmap alone. By hand, as an ordinary user:\n"
         "\n"
         "  sudo setpriv --reuid=$(id -u) --regid=$(id -g) --init-groups \\\n"
         "       --inh-caps=+net_raw --ambient-caps=+net_raw muster scan nmap 192.0.2.0/24\n"
         "\n"
         "Do not give the nmap binary file capabilities: every user of the machine could then send raw packets and run\n"
         "scripts with them. Without the right, connect_scan = on makes ordinary connections: no OS, no MAC, no UDP.\n"},
};

static const struct muster_tool tools[] = {
        {"nmap", "nmap", "does the scanning"},
};

const struct muster_method nmap_methods[1] = {
        {
                .name = "nmap",
                .summary = "Finds hosts, open ports and operating systems on networks with Nmap; reads Nmap XML",
                .wants = MUSTER_WANTS_NET_RAW | MUSTER_WANTS_SPAWN | MUSTER_WANTS_NETWORK | MUSTER_WANTS_KNOWN,
                .options = MUSTER_ARRAY(options),
                .provider = MUSTER_NO_ARRAY,
                .fields = MUSTER_ARRAY(fields),
                .texts = MUSTER_ARRAY(texts),
                .tools = MUSTER_ARRAY(tools),
        },
};
