"""What a run stands on: release builds of Portico and the yardsticks, and a certificate of an authority made for it."""
import json
import pathlib

from stage.processes import run

from .contenders import BASE


class Binaries:
    def __init__(self, folder):
        self.portico, self.yardstick = folder / "portico", folder / "load-hello"


class Files:
    def __init__(self, folder):
        self.ca, self.chain, self.key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"


def build():
    """Release builds; cargo says on stderr what it does."""
    run("cargo build", ["cargo", "build", "--locked", "--release", "-p", "platform-server", "-p", "load-hello"], show=True)
    metadata = json.loads(run("cargo metadata", ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"]))
    return Binaries(pathlib.Path(metadata["target_directory"]) / "release")


def certificate(folder):
    """A wildcard of the base domain, ECDSA P-256 as the certificates that Portico orders."""
    files, names = Files(folder), folder / "names.ext"
    names.write_text(f"subjectAltName=DNS:*.{BASE}\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", ["openssl", "req", "-x509", *key, "-days", "30", "-subj", "/CN=load test", "-keyout", folder / "ca.key", "-out",
                    files.ca])
    run("openssl", ["openssl", "req", *key, "-subj", "/CN=load test", "-keyout", files.key, "-out", folder / "request.pem"])
    run("openssl", ["openssl", "x509", "-req", "-in", folder / "request.pem", "-CA", files.ca, "-CAkey", folder / "ca.key",
                    "-CAcreateserial", "-days", "30", "-extfile", names, "-out", files.chain])
    return files
