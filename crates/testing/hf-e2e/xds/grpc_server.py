"""A gRPC server that says in which zone it stands.

Usage: grpc_server.py ADDRESS ZONE. One method, bytes in and bytes out: no generated code between us and the wire.
"""

import sys
from concurrent import futures

import grpc

ADDRESS, ZONE = sys.argv[1:]

handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: ZONE.encode())
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Zone", {"Where": handler}),))
if not server.add_insecure_port(ADDRESS):
    sys.exit(f"cannot listen on {ADDRESS}")
server.start()
server.wait_for_termination()
