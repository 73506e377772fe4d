"""Ports of loopback that nobody uses: the wanted ones when they are free, others when not."""
import hashlib
import random
import socket


class Ports:
    """Also keeps demos that start at the same moment apart: a port is ours from here on, not only once it is listened on."""

    def __init__(self, place):
        """`place` decides which ports the programs behind the scenes want: the same ones at each start."""
        self.reserved = []
        self.next = 20000 + int.from_bytes(hashlib.sha256(str(place).encode()).digest()[:4], "big") % 9000

    def take(self, wanted=None):
        """A port that people see wants a number that they know; the others only want to be left alone."""
        if wanted is None:
            self.next += 1
            wanted = self.next
        # below the range that Linux gives to outgoing connections
        for port in (wanted, *(random.randrange(20000, 32000) for _ in range(200))):
            if probe(port) and self._reserve(port):
                return port
        raise OSError("no free port on 127.0.0.1")

    def _reserve(self, port):
        # a name that no file stands for: gone when we are, and open to every user of the machine
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0portico-demo-port-{port}")
        except OSError:
            mark.close()
            return False
        self.reserved.append(mark)
        return True


def probe(port):
    """Whether the port can be bound now."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        # a connection that ended a moment ago must not make us move to another port
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(("127.0.0.1", port))
            tcp.listen(1)
            udp.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def answers(port):
    with socket.socket() as probe_socket:
        probe_socket.settimeout(0.5)
        return probe_socket.connect_ex(("127.0.0.1", port)) == 0
