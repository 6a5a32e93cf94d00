"""The stock clients behind one face: a call by its AWS names in, what the client made of the answer out.

1. `Boto` is boto3 in this process: it shows HTTP status, members of errors, tries.
2. `Cli` runs an `aws` program with flags, as a runbook does: it shows what an operator sees, and exit codes.
3. No client reads configuration of the machine that this runs on, and none may reach AWS: endpoints are always given.
"""

import datetime
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ZONAL = "arc-zonal-shift"
CLUSTER = "route53-recovery-cluster"
CONFIG = "route53-recovery-control-config"
REGION = "eu-west-2"


@dataclass
class Key:
    """An access key."""

    id: str
    secret: str
    token: str | None = None


@dataclass
class Told:
    """What a call came to."""

    body: dict = field(default_factory=dict)
    error: str | None = None
    message: str = ""
    # Only boto3 shows these two.
    status: int | None = None
    members: dict = field(default_factory=dict)
    # Only programs have this one.
    exit: int | None = None
    tries: int = 1
    seconds: float = 0.0


def instant(value):
    """Epoch seconds of an instant as any client shows it; fails on anything else."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, str):
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return float(value)


class Boto:
    """boto3."""

    version = boto3.__version__
    has_practice = True
    has_owner = True

    def __init__(self, endpoint, key, name="boto3"):
        self.endpoint, self.key, self.name = endpoint, key, name
        self._session = boto3.session.Session()
        self._clients = {}

    def of(self, endpoint=None, key=None):
        """The same for another endpoint or key."""
        return Boto(endpoint or self.endpoint, key or self.key, self.name)

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=self.key.id,
                aws_secret_access_key=self.key.secret,
                aws_session_token=self.key.token,
                config=Config(connect_timeout=2, read_timeout=10),
            )
        return self._clients[service]

    def call(self, service, operation, **members):
        begun = time.monotonic()
        try:
            body = getattr(self.client(service), operation.replace("-", "_"))(**members)
        except ClientError as error:
            answer = error.response
            about = answer["ResponseMetadata"]
            known = {"Error", "ResponseMetadata"}
            return Told(
                error=answer["Error"]["Code"],
                message=answer["Error"].get("Message", ""),
                status=about["HTTPStatusCode"],
                members={name: value for name, value in answer.items() if name not in known},
                tries=1 + about.get("RetryAttempts", 0),
                seconds=time.monotonic() - begun,
            )
        except BotoCoreError as error:
            return Told(error=type(error).__name__, message=str(error), seconds=time.monotonic() - begun)
        about = body.pop("ResponseMetadata")
        return Told(
            body=body,
            status=about["HTTPStatusCode"],
            tries=1 + about.get("RetryAttempts", 0),
            seconds=time.monotonic() - begun,
        )

    def page(self, service, operation, items, most, token=None, **members):
        """At most so many items, and the client's token for the rest."""
        paginator = self.client(service).get_paginator(operation.replace("-", "_"))
        config = {"MaxItems": most, "PageSize": most, "StartingToken": token}
        pages = paginator.paginate(PaginationConfig=config, **members)
        found = pages.build_full_result()
        return found.get(items, []), found.get("NextToken")

    def wait(self, service, waiter, **members):
        self.client(service).get_waiter(waiter.replace("-", "_")).wait(**members)
        return Told()


class Cli:
    """An `aws` program."""

    def __init__(self, name, program, home, endpoint, key):
        self.name, self.program, self.home, self.endpoint, self.key = name, program, home, endpoint, key
        # The runbook's way: variables where the client knows them, `--endpoint-url` where it would go to AWS.
        told = subprocess.run([program, "--version"], env=self._env(), capture_output=True, text=True, check=True)
        self.version = re.search(r"aws-cli/([0-9.]+)", told.stdout + told.stderr).group(1)
        numbers = tuple(int(part) for part in self.version.split("."))
        self.refused = 255 if numbers[0] == 1 else 254
        self.by_variable = numbers[0] == 1 or numbers >= (2, 13)
        self.has_practice = numbers[0] == 1 or numbers >= (2, 14)
        self.has_owner = self.has_practice

    def of(self, endpoint=None, key=None):
        """The same for another endpoint or key."""
        other = object.__new__(Cli)
        other.__dict__.update(self.__dict__)
        other.endpoint, other.key = endpoint or self.endpoint, key or self.key
        return other

    def _env(self):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key.id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret,
        }
        if self.key.token:
            env["AWS_SESSION_TOKEN"] = self.key.token
        for service in (ZONAL, CLUSTER, CONFIG):
            env["AWS_ENDPOINT_URL_" + service.upper().replace("-", "_")] = self.endpoint
        return env

    def run(self, service, operation, *flags):
        """Runs it with these flags."""
        command = [self.program, "--output", "json"]
        if not self.by_variable:
            command += ["--endpoint-url", self.endpoint]
        command += ["--cli-connect-timeout", "2", "--cli-read-timeout", "10", service, operation, *flags]
        begun = time.monotonic()
        ended = subprocess.run(command, env=self._env(), capture_output=True, text=True, timeout=90)
        told = Told(exit=ended.returncode, seconds=time.monotonic() - begun)
        if ended.returncode == 0:
            told.body = json.loads(ended.stdout) if ended.stdout.strip() else {}
            return told
        said = ended.stderr.strip()
        found = re.search(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \(([^)]*)\))?: (.*)", said, re.S)
        if not found:
            told.error, told.message = "NoAnswer", said
            return told
        told.error, told.message = found.group(1), found.group(4)
        retried = re.search(r"max retries: (\d+)", found.group(3) or "")
        told.tries = 1 + int(retried.group(1)) if retried else 1
        return told

    def call(self, service, operation, **members):
        return self.run(service, operation, *flags(members))

    def page(self, service, operation, items, most, token=None, **members):
        """At most so many items, and the client's token for the rest."""
        extra = ["--max-items", str(most), "--page-size", str(most)]
        if token:
            extra += ["--starting-token", token]
        told = self.run(service, operation, *flags(members), *extra)
        if told.error:
            raise AssertionError(f"{told.error}: {told.message}")
        return told.body.get(items, []), told.body.get("NextToken")

    def wait(self, service, waiter, **members):
        return self.run(service, "wait", waiter, *flags(members))


def flags(members):
    """A runbook's flags: `--routing-control-arn …`."""
    made = []
    for name, value in members.items():
        made.append("--" + xform_name(name, "-"))
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            made += value
        elif isinstance(value, (list, dict)):
            made.append(json.dumps(value))
        else:
            made.append(str(value))
    return made
