"""Scans many hosts at once with sslyze's Python API; run by the Python of its venv.

    sslyze_hosts.py PORT HOST=ADDRESS...

The command sslyze scans ten servers at once; this scans all of them, each with at most five connections at once, and
with the same scan commands.
"""

import sys

from sslyze import ScanCommand, Scanner, ServerNetworkLocation, ServerScanRequest

# What the command does not do either unless told to.
LEFT_OUT = {ScanCommand.TLS_1_3_EARLY_DATA, ScanCommand.SESSION_RESUMPTION, ScanCommand.HTTP_HEADERS}


def main():
    port = int(sys.argv[1])
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    requests = [
        ServerScanRequest(
            server_location=ServerNetworkLocation(hostname=host, port=port, ip_address=address),
            scan_commands=set(ScanCommand) - LEFT_OUT,
        )
        for host, address in pairs
    ]
    scanner = Scanner(per_server_concurrent_connections_limit=5, concurrent_server_scans_limit=len(requests))
    scanner.queue_scans(requests)
    complete = 0
    for result in scanner.get_results():
        complete += bool(result.scan_result and result.scan_result.tls_1_2_cipher_suites.result)
    print(complete)


if __name__ == "__main__":
    main()
