# SPDX-License-Identifier: Apache-2.0
"""`muster plugins setup` with an apt-get of our own in a mount namespace: what it installs, writes down, removes, and how it fails."""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a mount namespace, and it installs packages")

# Its state: a folder with a file for every installed package, and `mode`.
APT = r"""#!/bin/sh
state=@STATE@; mode=$(cat $state/mode); simulate=no; verb=; words=
while [ $# -gt 0 ]; do
	case $1 in
	-o) shift ;;
	-s) simulate=yes ;;
	-*) ;;
	*) if [ -z "$verb" ]; then verb=$1; else words="$words $1"; fi ;;
	esac
	shift
done
echo "$simulate $verb$words" >>$state/calls
case $verb in
update)
	[ $mode = offline ] && { echo "E: Failed to fetch http://deb.example/ Could not resolve" >&2; exit 100; }
	[ $mode = nolists ] && echo ok >$state/mode
	exit 0 ;;
install)
	if [ $mode = nolists ] || [ $mode = offline ]; then echo "E: Unable to locate package nmap" >&2; exit 100; fi
	if [ $simulate = yes ]; then
		echo "Inst libc6 [2.35] (2.36 Debian:12 [amd64])"
		for p in liblinear4 nmap-common nmap; do [ -e $state/has/$p ] || echo "Inst $p (7.93 Debian:12 [all])"; done
		exit 0
	fi
	echo "Unpacking liblinear4 ..."; : >$state/has/liblinear4
	if [ $mode = broken ]; then
		printf 'E: Could not get lock /var/lib/dpkg/lock-frontend.\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n' >&2; exit 100
	fi
	if [ $mode = empty ]; then : >$state/has/nmap; exit 0; fi
	for p in nmap-common nmap; do echo "Unpacking $p ..."; : >$state/has/$p; done
	umount /usr/bin/nmap ;;
remove)
	if [ $simulate = yes ]; then
		for p in $words; do
			echo "Remv $p [7.93]"
			[ $mode = needed ] && [ $p = liblinear4 ] && echo "Remv libsvm-tools [3.24]"
			[ $mode = dependent ] && [ $p = nmap ] && echo "Remv zenmap [7.93]"
		done
		exit 0
	fi
	[ $mode = stuck ] && { echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem." >&2; exit 100; }
	for p in $words; do rm -f $state/has/$p; done
	case $words in *nmap*) mount --bind $state/nothing /usr/bin/nmap ;; esac ;;
esac
exit 0
"""
DPKG = r"""#!/bin/sh
for last; do :; done
[ -e @STATE@/has/$last ] || { echo "dpkg-query: no packages found matching $last" >&2; exit 1; }
echo "ii "
"""


class Machine:
    """A machine whose apt-get, dpkg-query and /usr/local are its own, and which has no nmap."""

    def __init__(self, muster):
        self.muster, self.state = muster, muster.home / "apt"
        (self.state / "has").mkdir(parents=True)
        for name, text in (("apt-get", APT), ("dpkg-query", DPKG)):
            (self.state / name).write_text(text.replace("@STATE@", str(self.state)))
            (self.state / name).chmod(0o755)
        (self.state / "nothing").write_text("")
        (self.state / "nothing").chmod(0o644)

    def __call__(self, *lines, mode="ok"):
        """Runs shell lines; {M} is muster. Returns [(status, text)] of each."""
        (self.state / "mode").write_text(mode)
        (self.state / "calls").write_text("")
        setup = ["mount -t tmpfs tmpfs /usr/local", f"mount --bind {self.state}/apt-get /usr/bin/apt-get",
                 f"mount --bind {self.state}/dpkg-query /usr/bin/dpkg-query", f"mount --bind {self.state}/nothing /usr/bin/nmap"]
        script = " && ".join(setup) + " || exit 99\n"
        for line in lines:
            script += f'echo "<<<"; {line.replace("{M}", f"{BUILD}/muster --private")} 2>&1; echo ">>>$?"\n'
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], env=self.muster.env, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return [(int(status), text) for text, status in re.findall(r"<<<\n(.*?)>>>(\d+)$", done.stdout, re.S | re.M)]

    def calls(self):
        return (self.state / "calls").read_text().splitlines()

    def has(self):
        return {path.name for path in (self.state / "has").iterdir()}


@pytest.fixture
def machine(muster):
    if not pathlib.Path("/usr/bin/nmap").exists():
        pytest.skip("needs nmap, to hide it and to find it again")
    made = Machine(muster)
    where = re.search(r"\((/\S+)/installed\)", muster("plugins", "setup", "nmap", "--remove", check=0).stdout)
    if not where or not where.group(1).startswith("/usr/local/"):
        pytest.skip("built for another place than /usr/local, where this test would leave traces")
    made.record = where.group(1) + "/installed"
    return made


def test_installs_writes_down_and_removes(machine):
    (machine.state / "has" / "liblinear4").touch()  # somebody else's: it stays
    one, two, three, four, five, six = machine("{M} plugins setup nmap", f"cat {machine.record}", f"stat -c '%U %a' {machine.record}",
                                               "{M} plugins setup nmap", "{M} plugins setup nmap --remove", f"cat {machine.record}")
    assert one[0] == 0 and "nmap is installed: /usr/bin/nmap" in one[1] and "Unpacking nmap" in one[1]
    assert two[1] == "nmap nmap-common\nnmap nmap\n" and three[1] == "root 644\n"
    assert four[0] == 0 and "is here already" in four[1]
    assert five[0] == 0 and "removed: nmap, nmap-common" in five[1]
    assert six[1] == "" and machine.has() == {"liblinear4"}
    assert [call for call in machine.calls() if call.startswith("no ")] == ["no install nmap", "no remove nmap nmap-common"]


def test_the_lists_of_a_fresh_machine_are_fetched_first(machine):
    (one,) = machine("{M} plugins setup nmap", mode="nolists")
    assert one[0] == 0 and "running apt-get update" in one[1]
    assert machine.calls() == ["yes install nmap", "no update", "yes install nmap", "no install nmap"]


@pytest.mark.parametrize("mode, word, left", [
    ("offline", "Could not resolve", ""), ("broken", "Could not get lock", "nmap liblinear4\n"), ("empty", "still not there", "nmap liblinear4\nnmap nmap\n"),
])
def test_apt_fails(machine, mode, word, left):
    """Its own reason is told, the log has it all, and the record has what really came."""
    one, two, three = machine("{M} plugins setup nmap", f"cat {machine.record}", f"cat {pathlib.Path(machine.record).parent}/setup.log", mode=mode)
    last = one[1].splitlines()[-1]
    assert one[0] == 1 and last.startswith("muster: ") and word in last, one[1]
    assert two[1] == left or (left == "" and two[0] == 1), two
    assert word in three[1] or mode == "empty"
    assert re.match(r"\d{4}-\d\d-\d\dT\S+Z ", three[1])


def test_nothing_is_missing(muster):
    assert "nothing to do" in muster("plugins", "setup", "nmap", check=0).stdout


def test_what_it_did_not_install_stays(machine):
    (machine.state / "has" / "nmap").touch()
    one, = machine("{M} plugins setup nmap --remove")
    assert one[0] == 0 and "nothing is removed" in one[1] and machine.has() == {"nmap"}
    assert not any(call.startswith("no ") for call in machine.calls())


def test_what_others_have_come_to_need_stays(machine):
    one, two, three, four = machine("{M} plugins setup nmap", f"echo needed >{machine.state}/mode", "{M} plugins setup nmap --remove", f"cat {machine.record}")
    assert three[0] == 0 and "liblinear4 stays: another package needs it" in three[1], three[1]
    assert machine.has() == {"liblinear4"} and four[1] == ""
    one, two, three, four = machine("{M} plugins setup nmap", f"echo dependent >{machine.state}/mode", "{M} plugins setup nmap --remove", f"cat {machine.record}")
    assert three[0] == 5 and "zenmap" in three[1] and "apt-get remove zenmap" in three[1], three[1]
    assert "nmap" in machine.has() and "nmap nmap\n" in four[1]
    assert "no remove" not in "\n".join(machine.calls())


def test_removal_fails(machine):
    one, two, three, four = machine("{M} plugins setup nmap", f"echo stuck >{machine.state}/mode", "{M} plugins setup nmap --remove", f"cat {machine.record}")
    assert three[0] == 1 and "dpkg --configure -a" in three[1].splitlines()[-1]
    assert "nmap nmap\n" in four[1]


def test_a_record_that_others_could_have_written_is_not_believed(machine):
    one, two, three = machine("{M} plugins setup nmap", f"chmod o+w {machine.record}", "{M} plugins setup nmap --remove")
    assert three[0] == 5 and "chmod go-w" in three[1] and "nmap" in machine.has()


def test_only_root_installs(machine):
    machine.muster.home.chmod(0o755)
    (one,) = machine("setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent {M} plugins setup nmap")
    assert one[0] == 5 and re.search(r"Type: sudo \S+/muster plugins setup nmap$", one[1].strip()), one[1]
    assert machine.has() == set()


PROFILE = 'profile "here" {\n nmap { include = "127.0.0.1" }\n}\n'


@pytest.mark.parametrize("auto", [False, True])
def test_the_first_profile_and_the_last(machine, auto):
    """Told in either case; done at once when it is root who says so and provision is auto."""
    start = 'provision = "auto"\n' if auto else ""
    machine.muster.write_config(start)
    config = machine.muster.config
    (machine.state / "with").write_text(start + PROFILE)
    (machine.state / "without").write_text(start)
    out = machine("{M} config reload", f"cp {machine.state}/with {config}", "{M} config check", "{M} config reload", "which nmap",
                  "{M} plugins setup nmap", "{M} config reload", f"cp {machine.state}/without {config}", "{M} config check", "{M} config reload", "which nmap")
    empty, _, check, first, found, _, again, _, gone, last, still = out
    assert empty[0] == 0 and "setup" not in empty[1]
    assert check[0] == 0 and re.search(r'muster.conf:\d: profile "here" needs nmap, which is not installed: sudo \S+ plugins setup nmap$', check[1], re.M)
    assert again[0] == 0 and "setup" not in again[1]
    assert "no profile uses nmap any more" in gone[1] and "plugins setup nmap --remove" in gone[1]
    if auto:
        assert first[0] == 0 and "nmap is installed" in first[1] and found[1] == "/usr/bin/nmap\n"
        assert last[0] == 0 and "removed: nmap" in last[1] and still[0] == 1
        assert machine.has() == set()
    else:
        assert first[0] == 0 and "plugins setup nmap" in first[1] and "is installed" not in first[1] and found[0] == 1
        assert last[0] == 0 and "plugins setup nmap --remove" in last[1] and still[0] == 0
    subprocess.run(["sleep", "1.6"], check=True)


def test_auto_and_apt_fails(machine):
    machine.muster.write_config('provision = "auto"\n' + PROFILE)
    (one,) = machine("{M} config reload", mode="broken")
    assert one[0] == 1 and "Could not get lock" in one[1].splitlines()[-1] and "in force" in one[1]


@pytest.mark.parametrize("auto", [True, False])
def test_the_service_provides_at_its_start_and_at_a_signal(machine, auto):
    """Nobody has to type reload after a restart, or to wait: the service answers meanwhile."""
    start = 'provision = "auto"\n' if auto else ""
    config, data = machine.muster.config, machine.muster.home / "data" / "muster"
    machine.muster.write_config(start + PROFILE)
    (machine.state / "without").write_text(start)
    wait = "for i in $(seq 60); do {} && break; sleep 0.1; done"
    hup = f"kill -HUP $(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' {data}/muster.db.lock)"
    hold = "sh -c '{M} runs >/dev/null; sleep 1' & {M} profiles"  # a client every second keeps a private service
    if not auto:
        one, two = machine("{M} profiles", "sleep 1; which nmap")
        assert one[0] == 0 and two[0] != 0 and machine.calls() == []
        return
    told = f"grep -c 'have been looked after' {data}/musterd.log"
    one, two, three, four, five, six = machine(hold, wait.format("which nmap >/dev/null"), "which nmap", wait.format(f"{told} >/dev/null"),
                                               f"{{M}} runs; cp {machine.state}/without {config}; {hup}; " + wait.format("! which nmap >/dev/null"), "which nmap")
    log = (data / "musterd.log").read_text()
    assert one[0] == 0 and three[1] == "/usr/bin/nmap\n", log
    assert "provision = auto" in log and "nmap is installed: /usr/bin/nmap" in log and "have been looked after" in log
    assert six[0] != 0 and "removed: nmap" in (data / "musterd.log").read_text() and machine.has() == set()


def test_provision_by_hand_says_what_is_missing(machine):
    machine.muster.write_config(PROFILE)
    (one,) = machine("{M} config provision")
    assert one[0] == 0 and "needs nmap, which is not installed: sudo" in one[1] and machine.calls() == []
