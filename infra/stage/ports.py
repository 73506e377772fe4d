"""Ports of loopback that nobody uses: the wanted ones when they are free, others when not."""
import socket


class Ports:
    def __init__(self):
        self.given = set()

    def take(self, wanted):
        for port in (wanted, *[0] * 20):
            port = probe(port)
            if port and port not in self.given:
                self.given.add(port)
                return port
        raise OSError("no free port on 127.0.0.1")


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
