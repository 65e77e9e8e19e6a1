// What an operator would write for both proxies: one port passes TLS through, one ends it and tells of the client's certificate.

import { nginxStreamModule, nginxTemporaryFiles } from '#test/setup/proxies.ts'

export interface ProxyPorts {
  readonly passed: number
  readonly ended: number
  /** Ends TLS too, but takes any certificate and says that it did not verify it. */
  readonly lax: number
  /** The broker's mTLS port. */
  readonly broker: number
}

export const verifiedByNginx = { name: 'ssl-client-verify', value: 'SUCCESS' }
export const verifiedByHaproxy = { name: 'x-client-verify', value: '0' }

/** Files: server.pem with its key, authorities.pem, proxy.pem with its key, ca.pem. */
export const nginxConfiguration = (ports: ProxyPorts) => (folder: string) =>
  `
load_module ${nginxStreamModule};
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 128; }
stream {
  server { listen 127.0.0.1:${ports.passed}; proxy_pass 127.0.0.1:${ports.broker}; }
}
http {
  access_log off;
  ${nginxTemporaryFiles(folder)}
  ssl_certificate ${folder}/server.pem;
  ssl_certificate_key ${folder}/server.pem;
  ssl_client_certificate ${folder}/authorities.pem;
  proxy_ssl_certificate ${folder}/proxy.pem;
  proxy_ssl_certificate_key ${folder}/proxy.pem;
  proxy_ssl_trusted_certificate ${folder}/ca.pem;
  proxy_ssl_verify on;
  proxy_ssl_name localhost;
  # Set here, for every request: what the client itself sent under these names never passes.
  proxy_set_header ssl-client-verify $ssl_client_verify;
  proxy_set_header ssl-client-cert $ssl_client_escaped_cert;
  proxy_set_header X-Forwarded-For $remote_addr;
  server {
    listen 127.0.0.1:${ports.ended} ssl;
    ssl_verify_client optional;
    location / { proxy_pass https://127.0.0.1:${ports.broker}; }
  }
  server {
    listen 127.0.0.1:${ports.lax} ssl;
    ssl_verify_client optional_no_ca;
    location / { proxy_pass https://127.0.0.1:${ports.broker}; }
  }
}
`

export const haproxyConfiguration = (ports: ProxyPorts) => (folder: string) =>
  `
global
  log stderr local0 err
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen passed
  mode tcp
  bind 127.0.0.1:${ports.passed}
  server broker 127.0.0.1:${ports.broker}
frontend ended
  mode http
  bind 127.0.0.1:${ports.ended} ssl crt ${folder}/server.pem ca-file ${folder}/authorities.pem verify optional
  default_backend broker
frontend lax
  mode http
  bind 127.0.0.1:${ports.lax} ssl crt ${folder}/server.pem ca-file ${folder}/authorities.pem verify optional crt-ignore-err all ca-ignore-err all
  default_backend broker
backend broker
  mode http
  # Taken away first, for every request: what the client itself sent under these names never passes.
  http-request del-header Client-Cert
  http-request del-header Client-Cert-Chain
  http-request set-header X-Client-Verify %[ssl_c_verify]
  http-request set-header Client-Cert :%[ssl_c_der,base64]: if { ssl_c_used }
  http-request set-header X-Forwarded-For %[src]
  server broker 127.0.0.1:${ports.broker} ssl crt ${folder}/proxy.pem ca-file ${folder}/ca.pem verify required sni str(localhost)
`
