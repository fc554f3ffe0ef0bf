"""Packages of pictures: fetched once by the user's npm, and only read once their SHA-512 has been seen to be right."""

import base64
import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile

# Of npm's own retries: as they are by default, somebody without a network waits for more than a minute.
RETRIES = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")


@dataclasses.dataclass(frozen=True)
class Package:
    """One release of an npm package.

    Attributes:
        name: as npm has it, without a scope.
        version: exactly.
        integrity: "sha512-" and the digest of its tarball in base64, as `npm view NAME@VERSION dist.integrity` says.
    """

    name: str
    version: str
    integrity: str

    def __str__(self):
        return f"{self.name}@{self.version}"

    def tarball(self):
        """The path of its tarball in the cache, verified; fetched first where it is not there.

        Raises:
            FileNotFoundError: there is no npm. ConnectionError: npm could not fetch it. ValueError: what npm gave is
                not this release. OSError: the cache cannot be written.
        """
        from keras_i2i.zoo import cache  # here, because the zoo imports the data

        kept = cache.folder() / "packages" / f"{self.name}-{self.version}.tgz"  # npm's own name for it
        if not (kept.is_file() and integrity(kept) == self.integrity):
            self._fetch(kept, cache.atomic)
        return kept

    def read(self, *prefixes):
        """Its files whose paths start with one of the prefixes, in memory; nothing is unpacked to the disk.

        Args:
            prefixes: as the tarball has them, "package/img/".

        Returns:
            path -> bytes, of plain files alone.

        Raises:
            As `tarball`.
        """
        with tarfile.open(self.tarball(), "r:gz") as archive:
            return {
                member.name: archive.extractfile(member).read()
                for member in archive
                if member.isreg() and member.name.startswith(prefixes)
            }

    def _fetch(self, kept, atomic):
        by_hand = f"put what `npm pack {self}` writes elsewhere at {str(kept)!r}"
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError(
                f"{self} is fetched by npm, and there is none: install Node.js, which brings it, or {by_hand}."
            )
        with atomic(kept, "set KERAS_I2I_CACHE to a folder that can be written") as part:
            reason = self._pack(npm, part.parent)
            if reason is None and not part.is_file():
                reason = f"it wrote no {part.name}"
            if reason is not None:
                raise ConnectionError(
                    f"npm could not fetch {self} ({reason}): check the network and try again, or {by_hand}; fetched"
                    " once, it is kept."
                )
            if integrity(part) != self.integrity:
                raise ValueError(
                    f"What npm gave as {self} is not the release that is asked for (its SHA-512 differs), so it was"
                    " thrown away: try again, and report it if that does not help."
                )

    def _pack(self, npm, folder):
        """Lets npm write the tarball into a folder; returns why it failed, None if it did not."""
        from rich.console import Console

        command = [npm, "pack", str(self), "--ignore-scripts", *RETRIES]
        try:
            # In the fresh folder: there npm finds no project whose settings would speak for it.
            with Console(file=sys.stderr).status(f"Fetching {self}"):
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        except OSError as error:
            return error.strerror or str(error)
        if done.returncode == 0:
            return None
        return code_of(done) or f"exit code {done.returncode}"


def code_of(done):
    """The code by which npm, a `subprocess.CompletedProcess`, says why it failed, such as "ENOTFOUND"; else None.

    Its last line is not the reason, but names the file of its log.
    """
    code = re.search(r"^npm (?:error|ERR!) code (\S+)", done.stderr, re.M)
    return code and code[1]


def integrity(path):
    """A file's SHA-512 as npm writes it."""
    digest = hashlib.sha512()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return "sha512-" + base64.b64encode(digest.digest()).decode()
