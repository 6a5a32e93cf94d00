"""A gRPC client without a proxy: it finds its endpoints by xDS (GRPC_XDS_BOOTSTRAP says where), and calls them without end.

Usage: grpc_client.py TARGET. A line for each call: when it was begun, in milliseconds since 1970, and the zone that answered, or
`failed` and the status.
"""

import sys
import time

import grpc

channel = grpc.insecure_channel(sys.argv[1])
where = channel.unary_unary("/test.Zone/Where")
while True:
    begun = time.time_ns() // 1_000_000
    try:
        print(begun, where(b"", timeout=30, wait_for_ready=True).decode(), flush=True)
    except grpc.RpcError as error:
        print(begun, "failed", error.code().name, error.details(), flush=True)
    time.sleep(0.02)
