"""What a user of Docker's SDK for Python does, each a function: `user.py NAME` runs one of them.

The engine is the one of DOCKER_HOST; it has the image busybox. An assertion that fails, or an error of the SDK, ends
the program with a trace.
"""

import io
import socket
import sys
import tarfile
import time
import urllib.request

import docker
from docker.errors import APIError, ContainerError, ImageLoadError, NotFound
from docker.types import IPAMConfig, IPAMPool

client = docker.from_env()
IMAGE = "busybox"


def sleeper(**options):
    return client.containers.run(IMAGE, "sleep 1000", detach=True, **options)


def until(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def refused(status, action):
    try:
        action()
    except APIError as error:
        assert error.status_code == status, error
        return error.explanation
    raise AssertionError(f"not refused with {status}")


def run():
    assert client.containers.run(IMAGE, "echo hello", remove=True) == b"hello\n"
    both = {"remove": True, "stderr": True}
    assert client.containers.run(IMAGE, ["sh", "-c", "echo err >&2"], **both) == b"err\n"
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo why >&2; exit 3"], remove=True)
        raise AssertionError("a failure was not told")
    except ContainerError as error:
        assert (error.exit_status, error.stderr) == (3, b"why\n"), error
    made = client.containers.create(
        IMAGE, "true", runtime="runc", mem_limit="64m", environment={"A": "b"}, labels=["one"]
    )
    assert made.attrs["HostConfig"]["Runtime"] == "runc"
    assert made.attrs["HostConfig"]["Memory"] == 64 << 20
    assert (made.labels, made.status) == ({"one": ""}, "created")
    made.start()
    assert made.wait()["StatusCode"] == 0
    made.remove()
    refused(404, made.reload)


def exec_output():
    """Also what a program writes before the client has read the head of the answer."""
    box = sleeper()
    for turn in range(60):
        assert box.exec_run(["echo", str(turn)]) == (0, f"{turn}\n".encode()), turn
    script = ["sh", "-c", "echo out; echo err >&2; exit 7"]
    assert box.exec_run(script, demux=True) == (7, (b"out\n", b"err\n"))
    told = box.exec_run("sh -c 'echo $A $(pwd) $(id -un)'", environment={"A": "b"}, workdir="/tmp", user="guest")
    assert told.output == b"b /tmp guest\n", told
    assert b"".join(box.exec_run("seq 1000", stream=True).output).count(b"\n") == 1000
    assert box.exec_run("no-such-program").exit_code == 127


def exec_terminal():
    """The output is framed as the start of the exec says, whether it has a terminal or not."""
    box = sleeper()
    api = client.api
    for demux, expected in [(False, b"out\r\n"), (True, (b"out\r\n", None))]:
        made = api.exec_create(box.id, "echo out", tty=True)
        assert api.exec_start(made, demux=demux) == expected
    assert box.exec_run("echo out", tty=True).output == b"out\r\n"
    made = api.exec_create(box.id, "cat", stdin=True, tty=True, detach_keys="ctrl-x")
    stream = api.exec_start(made, tty=True, socket=True)._sock
    stream.sendall(b"typed")
    assert stream.recv(5, socket.MSG_WAITALL) == b"typed"
    stream.sendall(b"\x18")
    while stream.recv(4096):
        pass
    assert api.exec_inspect(made)["Running"]


def attach_and_logs():
    box = client.containers.create(IMAGE, ["sh", "-c", "read a; echo got $a; cat"], stdin_open=True)
    asked = {"stdin": 1, "stdout": 1, "stream": 1}
    stream = box.attach_socket(params=asked)._sock
    box.start()
    for line, frame in [(b"one\n", b"\x08got one\n"), (b"two\n", b"\x04two\n")]:
        stream.sendall(line)
        seen = stream.recv(7 + len(frame), socket.MSG_WAITALL)
        assert seen == b"\x01\0\0\0\0\0\0" + frame, seen
    until("the log", lambda: box.logs() == b"got one\ntwo\n")
    assert box.logs(tail=1, timestamps=True).endswith(b"Z two\n")
    lines = box.logs(stream=True, follow=True)
    # The SDK has asked that the end of this input be the container's.
    stream.shutdown(socket.SHUT_WR)
    assert box.wait()["StatusCode"] == 0
    assert b"".join(lines) == b"got one\ntwo\n"
    assert stream.recv(4096) == b""


def life():
    box = sleeper(name="first", init=True)
    box.rename("second")
    assert client.containers.get("second").id == box.id
    box.pause()
    box.reload()
    assert box.status == "paused"
    box.unpause()
    until("the program", lambda: any("sleep 1000" in " ".join(row) for row in box.top()["Processes"]))
    assert box.stats(stream=False)["pids_stats"]["current"] >= 1
    box.update(mem_limit="32m", memswap_limit="64m")
    box.exec_run("touch /made")
    assert {"Path": "/made", "Kind": 1} in box.diff()
    box.restart(timeout=0)
    box.reload()
    assert (box.status, box.attrs["HostConfig"]["Memory"]) == ("running", 32 << 20)
    assert [each.id for each in client.containers.list(filters={"name": "second"})] == [box.id]
    assert "running" in refused(409, box.remove)
    box.stop(timeout=0)
    assert client.containers.prune()["ContainersDeleted"] == [box.id]


def files():
    box = sleeper()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        entry = tarfile.TarInfo("greeting")
        entry.size = 6
        out.addfile(entry, io.BytesIO(b"hello\n"))
    assert box.put_archive("/tmp", archive.getvalue())
    assert box.exec_run("cat /tmp/greeting").output == b"hello\n"
    stream, stat = box.get_archive("/tmp/greeting")
    assert (stat["name"], stat["size"]) == ("greeting", 6), stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as got:
        assert got.extractfile("greeting").read() == b"hello\n"
    refused(404, lambda: box.get_archive("/none"))


def networks():
    pool = IPAMPool(subnet="10.97.0.0/24", gateway="10.97.0.1")
    net = client.networks.create("sdk-net", ipam=IPAMConfig(pool_configs=[pool]), labels={"of": "sdk"})
    web = sleeper(name="web", network="sdk-net")
    other = sleeper()
    net.connect(other, aliases=["friend"], ipv4_address="10.97.0.77")
    net.reload()
    assert {each.id for each in net.containers} == {web.id, other.id}
    assert b"10.97.0.77" in web.exec_run("nslookup friend").output
    assert web.exec_run("ping -c 1 -W 5 friend").exit_code == 0
    other.reload()
    settings = other.attrs["NetworkSettings"]["Networks"]
    assert set(settings) == {"bridge", "sdk-net"}
    assert settings["sdk-net"]["IPAddress"] == "10.97.0.77"
    refused(403, net.remove)
    net.disconnect(other)
    net.disconnect(web, force=True)
    assert [each.name for each in client.networks.list(filters={"label": "of=sdk"})] == ["sdk-net"]
    assert client.networks.prune({"label": "of=sdk"})["NetworksDeleted"] == ["sdk-net"]
    # As a client that has tidied up does, of an engine that was in no swarm.
    client.swarm.leave(force=True)
    assert "swarm manager" in refused(503, client.services.list)
    assert client.plugins.list() == []


def ports():
    script = "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp"
    box = client.containers.run(IMAGE, ["sh", "-c", script], detach=True, ports={"80/tcp": ("127.0.0.1", None)})
    box.reload()
    [bound] = box.ports["80/tcp"]
    assert bound["HostIp"] == "127.0.0.1"
    # Nothing listens in it for the first moments.
    until("the web server", lambda: box.exec_run("wget -q -O - 127.0.0.1").exit_code == 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{bound['HostPort']}/", timeout=30) as reply:
        assert reply.read() == b"hello\n"


def volumes():
    volume = client.volumes.create("sdk-data", labels={"of": "sdk"})
    mounted = {"volumes": {"sdk-data": {"bind": "/data", "mode": "rw"}}, "remove": True}
    client.containers.run(IMAGE, ["sh", "-c", "echo kept >/data/file"], **mounted)
    assert client.containers.run(IMAGE, "cat /data/file", **mounted) == b"kept\n"
    assert [each.name for each in client.volumes.list(filters={"label": "of=sdk"})] == ["sdk-data"]
    volume.remove()
    try:
        client.volumes.get("sdk-data")
        raise AssertionError("the volume is still there")
    except NotFound:
        pass


def images():
    image = client.images.get(IMAGE)
    assert image.tag("sdk/copy", tag="one")
    saved = b"".join(client.images.get("sdk/copy:one").save(named="sdk/copy:one"))
    client.images.remove("sdk/copy:one")
    [loaded] = client.images.load(saved)
    assert (loaded.id, "sdk/copy:one" in loaded.tags) == (image.id, True)
    try:
        client.images.load(b"abc")
        raise AssertionError("nonsense was loaded")
    except ImageLoadError:
        pass
    told = client.images.get_registry_data(IMAGE)
    assert f"busybox@{told.id}" in image.attrs["RepoDigests"]
    assert told.attrs["Platforms"][0]["os"] == "linux"
    box = client.containers.create(IMAGE, "true")
    grown = box.commit("sdk/grown", changes='CMD ["echo", "grown"]')
    assert client.containers.run("sdk/grown", remove=True) == b"grown\n"
    assert len(grown.history()) == len(image.history()) + 1


def events():
    since = time.time() - 1
    box = sleeper(name="watched")
    box.kill()
    box.wait()
    box.remove()
    asked = {"since": since, "until": time.time() + 1, "decode": True}
    seen = client.events(filters={"container": "watched", "type": "container"}, **asked)
    actions = [event["Action"] for event in seen]
    assert actions == ["create", "start", "kill", "die", "destroy"], actions


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    finally:
        for left in client.containers.list(all=True):
            left.remove(force=True)
        client.close()
