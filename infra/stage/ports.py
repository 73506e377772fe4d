"""Ports of loopback that nobody uses: the wanted ones when they are free, others when not."""
import socket


class Ports:
    """Also keeps demos that start at the same moment apart: a port is ours from here on, not only once it is listened on."""

    def __init__(self):
        self.reserved = []

    def take(self, wanted):
        for candidate in (wanted, *[0] * 50):
            port = probe(candidate)
            if port and self._reserve(port):
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
    """The port, if it can be bound now; for 0, one that the system chose."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        # a connection that ended a moment ago must not make us move to another port
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(("127.0.0.1", port))
            tcp.listen(1)
            number = tcp.getsockname()[1]
            udp.bind(("127.0.0.1", number))
            return number
        except OSError:
            return None


def answers(port):
    with socket.socket() as probe_socket:
        probe_socket.settimeout(0.5)
        return probe_socket.connect_ex(("127.0.0.1", port)) == 0
