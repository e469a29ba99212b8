"""HTTP requests and responses: sessions, retries, proxies, TLS and error messages."""
