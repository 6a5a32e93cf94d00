"""The ARC front's acceptance list with the stock clients: boto3, `aws` 1.46 of PyPI, `aws` 2 of Debian.

    acceptance.py --holdfast PROGRAM [--aws1 PROGRAM] [--aws2 PROGRAM] [--only boto3|places|…]

Starts control nodes of its own on loopback and talks to nothing else. Each client has a node of its own, so that the lists run beside
one another; a shift of one minute is begun early and looked at last. What the server alone decides is shown with boto3 alone. Prints
PASS or FAIL for each call, then a table; exit 1 on any FAIL.

Needs: boto3 and awscli of requirements.txt in the Python that runs it, Debian's awscli, etcd.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import config
import places
import signatures
import zonal
from clients import Boto, Cli
from table import Sheet, Table
from world import World


def one_client(table, world, driver):
    """The whole list, by one client at its own node."""
    keys = world.keys
    sheet = Sheet(table, driver)
    short = zonal.run(table, driver, driver.of(key=keys["reader"]))
    config.run(table, driver, driver.of(key=keys["bob"]))
    signatures.by_client(table, driver)
    if isinstance(driver, Cli):
        signatures.unsigned(table, driver)
    else:
        signatures.spoiled(table, driver)
    zonal.see_it_end(sheet, short)


def guarded(table, name, act):
    """A list that breaks off is a FAIL too."""

    def run():
        try:
            act()
        except BaseException as error:
            table.add(name, "the list goes through to its end", f"{type(error).__name__}: {error}")
            raise

    return threading.Thread(target=run, name=name)


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--holdfast", required=True)
    asked.add_argument("--aws1", default=str(Path(sys.executable).parent / "aws"))
    asked.add_argument("--aws2", default="/usr/bin/aws")
    asked.add_argument("--only", help="boto3, aws1, aws2 or places")
    asked = asked.parse_args()
    begun = time.monotonic()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="holdfast-aws-") as folder:
        world = World(asked.holdfast, folder)
        try:
            lists(table, world, asked)
            errors = [line for log in Path(folder).glob("*.log") if not log.name.startswith("etcd")
                      for line in log.read_text(errors="replace").splitlines() if " ERROR " in line]
            table.add("nodes", "no node has logged an error", "\n     ".join(errors[:5]) or None)
        finally:
            world.close()
    good = table.show()
    print(f"\n{len(table.rows)} rows in {time.monotonic() - begun:.0f} s")
    return 0 if good else 1


def lists(table, world, asked):
    ann = world.keys["ann"]
    nowhere = "http://127.0.0.1:9"
    boto = Boto(nowhere, ann)
    aws1 = Cli("aws 1", asked.aws1, world.folder, nowhere, ann)
    aws2 = Cli("aws 2", asked.aws2, world.folder, nowhere, ann)
    clients = {"boto3": boto, "aws1": aws1, "aws2": aws2}
    print(f"boto3 {boto.version}; aws 1 is {aws1.version}; aws 2 is {aws2.version}\n", flush=True)
    threads = []
    for name, client in clients.items():
        if asked.only in (None, name):
            endpoint = world.node(f"single-{name}")
            threads.append(guarded(table, client.name, lambda c=client.of(endpoint=endpoint): one_client(table, world, c)))
    if asked.only in (None, "places"):
        five = Boto(nowhere, ann, "five places")
        threads.append(guarded(table, "five places", lambda: places.run(table, world, five, [aws1, aws2])))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
