# SPDX-License-Identifier: GPL-3.0-or-later
"""A real web server, nginx, in a namespace of the lab: what it was sent is kept in files."""

import json
import os

from tests.support.mail_server import listens, make_certificates
from tests.support.process import Process
from tests.support.wait import wait_for

HTTP, HTTPS, HTTPS_CLIENT = 80, 443, 8443

_NGINX = """
daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 128; }}
http {{
  log_format asked escape=json '{{"method":"$request_method","uri":"$request_uri","type":"$content_type",'
    '"authorization":"$http_authorization","body_file":"$request_body_file","client":"$ssl_client_s_dn",'
    '"tls":"$ssl_protocol","status":$status}}';
  access_log {directory}/access.log asked;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  client_body_in_file_only on;
  client_max_body_size 1m;
  ssl_certificate {directory}/server.pem;
  ssl_certificate_key {directory}/server.key;
  ssl_client_certificate {directory}/ca.pem;
  server {{
    listen {address}:80;
    listen {address}:443 ssl;
    listen {address}:8443 ssl;
    set $checked "$server_port:$ssl_client_verify";
    ssl_verify_client optional;
    location / {{
      if ($checked ~ "^8443:(NONE|FAILED)") {{ return 403; }}
      proxy_pass http://127.0.0.1:8079;
    }}
  }}
  server {{
    listen 127.0.0.1:8079;
    access_log off;
    client_body_in_file_only off;
    location / {{ return 200 "taken"; }}
    location /503 {{ return 503 "later"; }}
    location /302 {{ return 302 /other; }}
  }}
}}
"""


class WebServer:
    """Answers 200; `/503` and `/302` what they say. Port 8443 wants a certificate of its CA (client.pem)."""

    def __init__(self, namespace, directory, address):
        self.namespace = namespace
        self.directory = directory
        self.address = address
        self._process = None
        os.makedirs(directory, exist_ok=True)
        make_certificates(directory, ["server", "client"], [address])
        with open(os.path.join(directory, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(_NGINX.format(directory=directory, address=address))

    @property
    def ca_file(self):
        return os.path.join(self.directory, "ca.pem")

    def client(self):
        """The files of a certificate and its key that port 8443 accepts."""
        return os.path.join(self.directory, "client.pem"), os.path.join(self.directory, "client.key")

    def start(self):
        self._process = Process(self.namespace, ["nginx", "-p", self.directory, "-c",
                                                 os.path.join(self.directory, "nginx.conf")],
                                os.path.join(self.directory, "nginx.out"))
        wait_for(lambda: listens(self.namespace, self.address, HTTPS_CLIENT), 10.0, "nginx listens", every=0.05)

    def end(self):
        if self._process is not None:
            self._process.end()
            self._process = None

    def asked(self):
        """Every request so far: method, uri, type, authorization, client, tls, status, and its body."""
        try:
            with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
                requests = [json.loads(line) for line in file]
        except FileNotFoundError:
            return []
        for request in requests:
            request["body"] = ""
            if request["body_file"]:
                with open(request["body_file"], encoding="utf-8", errors="replace") as file:
                    request["body"] = file.read()
        return requests
