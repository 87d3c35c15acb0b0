# -*- coding: utf-8 -*-
"""Makes the certificates of the TLS columns with openssl: certs.py DIR

    ca-chain.pem                      SAMPLE Root CA and SAMPLE Signing CA
    server-cert.pem, server-key.pem   localhost, 127.0.0.1 and ::1; the chain is in the file
    client-*.pem                      My Client, My Company, My State: what the servers with a field check let in
    other-*.pem                       the same CA, another commonName
    lacking-*.pem                     the same CA, no stateOrProvinceName
    stranger-ca.pem, stranger-*.pem   the client's names by a CA that nobody trusts
"""
from __future__ import unicode_literals

import os
import subprocess
import sys

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
END = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
SERVER = END + "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n"
CLIENT = END + "extendedKeyUsage=clientAuth\n"

PEOPLE = [
    # file, issuer, subject, extensions
    ("ca-root", None, "/C=XX/ST=My State/O=My Company/CN=SAMPLE Root CA", CA),
    ("ca-signing", "ca-root", "/C=XX/ST=My State/O=My Company/CN=SAMPLE Signing CA", CA),
    ("server", "ca-signing", "/C=XX/ST=My State/O=My Company/CN=My Server", SERVER),
    ("client", "ca-signing", "/C=XX/ST=My State/O=My Company/CN=My Client", CLIENT),
    ("other", "ca-signing", "/C=XX/ST=My State/O=My Company/CN=Somebody Else", CLIENT),
    ("lacking", "ca-signing", "/C=XX/O=My Company/CN=My Client", CLIENT),
    ("stranger-ca", None, "/C=XX/ST=My State/O=My Company/CN=SAMPLE Signing CA", CA),
    ("stranger", "stranger-ca", "/C=XX/ST=My State/O=My Company/CN=My Client", CLIENT),
]


def openssl(place, *args):
    process = subprocess.Popen(("openssl",) + args, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = process.communicate()
    if process.returncode:
        sys.exit("openssl %s: %s" % (" ".join(args), output.decode("utf-8", "replace")))


def make(place):
    def read(name):
        with open(os.path.join(place, name)) as file:
            return file.read()

    def write(name, content):
        with open(os.path.join(place, name), "w") as file:
            file.write(content)

    for serial, (name, issuer, subject, extensions) in enumerate(PEOPLE, 1):
        key, request, cert = name + "-key.pem", name + ".csr", name + "-cert.pem"
        openssl(place, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        openssl(place, "req", "-new", "-utf8", "-key", key, "-subj", subject, "-out", request)
        write(name + ".ext", extensions)
        by = ["-signkey", key] if issuer is None else ["-CA", issuer + "-cert.pem", "-CAkey", issuer + "-key.pem"]
        openssl(place, "x509", "-req", "-in", request, "-days", "3650", "-sha256", "-set_serial", str(serial),
                "-extfile", name + ".ext", "-out", cert, *by)
        if extensions is not CA and issuer == "ca-signing":
            write(cert, read(cert) + read("ca-signing-cert.pem"))
    write("ca-chain.pem", read("ca-signing-cert.pem") + read("ca-root-cert.pem"))
    write("stranger-ca.pem", read("stranger-ca-cert.pem"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not os.path.isdir(sys.argv[1]):
        os.makedirs(sys.argv[1])
    make(sys.argv[1])
