"""A line between two programs that can be spoiled: it swallows what is sent, holds it back, or resets. Run: line.py PORT TO CONTROL.

On the port CONTROL it takes a word at a time, each for all connections from then on: `well`, `swallow`, `late SECONDS`, `reset`.
What was swallowed stays away: a connection that lived through it is broken when the line is well again, as behind a firewall
that has forgotten it. Debian's stands of such proxies (toxiproxy) are not in the stable release.
"""
import asyncio
import signal
import socket
import struct
import sys


class Line:
    def __init__(self, target):
        self.target, self.word, self.open = target, ["well"], set()

    async def accept(self, reader, writer):
        self.open.add(writer)
        try:
            if self.word[0] == "reset":
                reset(writer)
                return
            there, thither = await asyncio.open_connection("127.0.0.1", self.target)
            self.open.add(thither)
            await asyncio.gather(self.carry(reader, thither), self.carry(there, writer))
            self.open.discard(thither)
        except OSError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def carry(self, reader, writer):
        lost = False
        try:
            while part := await reader.read(65536):
                word = self.word
                if word[0] == "late":
                    await asyncio.sleep(float(word[1]))
                lost = lost or word[0] == "swallow"
                if not lost:
                    writer.write(part)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def obey(self, reader, writer):
        self.word = (await reader.readline()).decode().split()
        if self.word[0] == "reset":
            for each in list(self.open):
                reset(each)
        writer.write(b"done\n")
        await writer.drain()
        writer.close()


def reset(writer):
    """Closed with nothing left to say: the other side gets a reset and no end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main(port, target, control):
    line, done = Line(target), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with await asyncio.start_server(line.accept, "127.0.0.1", port), await asyncio.start_server(line.obey, "127.0.0.1", control):
        await done.wait()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
