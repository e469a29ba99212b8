"""HTTP: sessions, retries, proxies, TLS and the errors of servers."""
