"""gRPC with grpcio's own client and server through the balancer: each kind of call, statuses, deadlines, and a shift while streams are open.

Usage: grpc_calls.py ADDRESS. The balancer (zone az1) listens at ADDRESS:8080; servers are here: ADDRESS:9001 in az1, ADDRESS:9002 in az2.
`holdfast` is in HOLDFAST, and finds the node by its environment.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
from concurrent import futures

import grpc

ADDRESS = sys.argv[1]
COUNTED = {"az1": [], "az2": []}


def service(zone):
    """Bytes in, bytes out: no generated code between us and the wire."""

    def unary(request, context):
        COUNTED[zone].append(request)
        context.set_trailing_metadata((("x-zone", zone), ("x-sum-bin", bytes(range(256)))))
        return zone.encode() + b" " + request

    def fails(request, context):
        context.set_trailing_metadata((("x-why", "asked"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as you wished: 100% ü")

    def slow(_, context):
        while context.is_active():
            GONE.wait(0.05)
        CANCELED.set()
        return b""

    def collect(requests, _):
        count = total = 0
        for request in requests:
            count, total = count + 1, total + len(request)
        return f"{zone} {count} {total}".encode()

    def many(request, _):
        for at in range(int(request)):
            yield f"{zone} {at}".encode()

    def echo(requests, _):
        for request in requests:
            yield zone.encode() + b" " + request

    def deadline(_, context):
        return str(context.time_remaining()).encode()

    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Fails": grpc.unary_unary_rpc_method_handler(fails),
        "Slow": grpc.unary_unary_rpc_method_handler(slow),
        "Deadline": grpc.unary_unary_rpc_method_handler(deadline),
        "Collect": grpc.stream_unary_rpc_method_handler(collect),
        "Many": grpc.unary_stream_rpc_method_handler(many),
        "Echo": grpc.stream_stream_rpc_method_handler(echo),
    }
    return grpc.method_handlers_generic_handler("test.Service", handlers)


GONE, CANCELED = threading.Event(), threading.Event()
LARGE = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


def serve(zone, port):
    server = grpc.server(futures.ThreadPoolExecutor(64), options=[*LARGE, ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((service(zone),))
    assert server.add_insecure_port(f"{ADDRESS}:{port}") == port
    server.start()
    return server


def expect(what, got, wanted):
    print("ok    " if got == wanted else "FAILED", what, "" if got == wanted else f"got {got!r}, wanted {wanted!r}")
    if got != wanted:
        FAILED.append(what)


FAILED = []


def holdfast(*arguments):
    return subprocess.run([os.environ["HOLDFAST"], *arguments], check=True, capture_output=True, timeout=20).stdout


class Talk:
    """An open stream both ways, one message at a time."""

    def __init__(self, channel):
        self.out = queue.Queue()
        self.answers = channel.stream_stream("/test.Service/Echo")(iter(self.out.get, None))

    def say(self, message):
        self.out.put(message)
        return next(self.answers)

    def end(self):
        self.out.put(None)
        return list(self.answers), self.answers.code()


def calls(channel):
    answer, call = channel.unary_unary("/test.Service/Unary").with_call(b"hello", metadata=(("x-note-bin", b"\0\xff"),), timeout=10)
    expect("a unary call is answered by the own zone", answer, b"az1 hello")
    expect("its trailers come", dict(call.trailing_metadata()).get("x-sum-bin"), bytes(range(256)))
    expect("its status", call.code(), grpc.StatusCode.OK)
    large = bytes(8 << 20)
    expect("8 MiB there and back", channel.unary_unary("/test.Service/Unary")(large, timeout=30), b"az1 " + large)
    try:
        channel.unary_unary("/test.Service/Fails")(b"", timeout=10)
        expect("a failure", "answered", "failed")
    except grpc.RpcError as error:
        expect("a failure's code", error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        expect("a failure's words", error.details(), "as you wished: 100% ü")
        expect("a failure's trailers", dict(error.trailing_metadata()).get("x-why"), "asked")
    try:
        channel.unary_unary("/test.Service/Nothing")(b"", timeout=10)
        expect("a method that is not there", "answered", "failed")
    except grpc.RpcError as error:
        expect("a method that is not there", error.code(), grpc.StatusCode.UNIMPLEMENTED)
    begun = time.monotonic()
    try:
        channel.unary_unary("/test.Service/Slow")(b"", timeout=0.5)
        expect("a deadline", "answered", "failed")
    except grpc.RpcError as error:
        expect("a deadline's code", error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        expect("a deadline is kept", time.monotonic() - begun < 3, True)
    expect("the server learns that the call is over", CANCELED.wait(10), True)
    remaining = float(channel.unary_unary("/test.Service/Deadline")(b"", timeout=7))
    expect("the server knows the deadline", 4 < remaining <= 7.1, True)
    sent = (bytes(1000) for _ in range(1000))
    expect("a stream of requests", channel.stream_unary("/test.Service/Collect")(sent, timeout=30), b"az1 1000 1000000")
    expect("no request in a stream", channel.stream_unary("/test.Service/Collect")(iter(()), timeout=30), b"az1 0 0")
    got = list(channel.unary_stream("/test.Service/Many")(b"2000", timeout=30))
    expect("a stream of answers, in order", got, [b"az1 %d" % at for at in range(2000)])
    expect("no answer in a stream", list(channel.unary_stream("/test.Service/Many")(b"0", timeout=30)), [])
    talk = Talk(channel)
    expect("a stream both ways", [talk.say(b"%d" % at) for at in range(100)], [b"az1 %d" % at for at in range(100)])
    expect("its end", talk.end(), ([], grpc.StatusCode.OK))
    taken_back = Talk(channel)
    taken_back.say(b"x")
    taken_back.answers.cancel()
    expect("a call that the client takes back", taken_back.answers.code(), grpc.StatusCode.CANCELLED)
    with futures.ThreadPoolExecutor(200) as pool:
        ask = channel.unary_unary("/test.Service/Unary")
        got = list(pool.map(lambda at: ask(b"%d" % at, timeout=30), range(2000)))
    expect("2000 calls, 200 at once", got, [b"az1 %d" % at for at in range(2000)])


def shift(channel):
    """The zone leaves while streams are open and calls go on: the streams finish where they are, no call fails, none is made twice."""
    talk = Talk(channel)
    expect("a long stream begins in az1", talk.say(b"before"), b"az1 before")
    stop, failures, sent = threading.Event(), [], []

    def ask(number):
        at = 0
        while not stop.is_set():
            at, word = at + 1, b"load %d %d" % (number, at)
            sent.append(word)
            try:
                channel.unary_unary("/test.Service/Unary")(word, timeout=20)
            except grpc.RpcError as error:
                failures.append(f"{error.code()}: {error.details()}")

    clients = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(8)]
    for client in clients:
        client.start()
    for turn in range(3):
        started = json.loads(holdfast("shift", "start", "az1", "--for", "5m", "--reason", "gRPC goes on", "-o", "json"))
        expect(f"turn {turn}: a new call is answered elsewhere", channel.unary_unary("/test.Service/Unary")(b"new", timeout=10), b"az2 new")
        if turn == 0:
            expect("an open stream goes on within its grace", [talk.say(b"during") for _ in range(50)], [b"az1 during"] * 50)
            expect("and ends well", talk.end(), ([], grpc.StatusCode.OK))
        holdfast("shift", "cancel", started["id"])
        deadline = time.monotonic() + 20
        while not channel.unary_unary("/test.Service/Unary")(b"back", timeout=10).startswith(b"az1") and time.monotonic() < deadline:
            pass
    stop.set()
    for client in clients:
        client.join()
    expect(f"no call of {len(sent)} failed", failures[:3], [])
    arrived = [word for words in COUNTED.values() for word in words if word.startswith(b"load")]
    expect("each arrived, and none twice", sorted(arrived), sorted(sent))


def main():
    servers = [serve("az1", 9001), serve("az2", 9002)]
    channel = grpc.insecure_channel(f"{ADDRESS}:8080", options=LARGE)
    grpc.channel_ready_future(channel).result(timeout=20)
    calls(channel)
    shift(channel)
    channel.close()
    for server in servers:
        server.stop(0)


try:
    main()
except BaseException:
    traceback.print_exc()
    FAILED.append("the run")
sys.stdout.flush()
# Threads of a call that hangs must not hold the verdict back.
os._exit(1 if FAILED else 0)
