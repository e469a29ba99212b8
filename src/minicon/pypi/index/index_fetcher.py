"""make_index_fetcher: a Fetcher that reaches package indices the way pip would."""

from __future__ import annotations

from minicon.models.url import Credentials
from minicon.net.credentials.secret_sources import secret_sources
from minicon.net.credentials.store import CredentialStore
from minicon.net.routing import make_fetcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.config.settings import Settings
    from minicon.net.routing import UrlFetcher
    from minicon.pypi.index.configuration import IndexConfiguration


def make_index_fetcher(
    configuration: IndexConfiguration, settings: Settings, environ: Mapping[str, str]
) -> UrlFetcher:
    """A Fetcher for indices and their files; nothing is requested yet.

    What minicon's own settings say wins; pip's configuration fills in what they leave open:
    certificates, proxy, time-out, and the credentials that were in index URLs. A
    ``trusted-host`` is not trusted blindly: without TLS the hashes of an index are worth nothing.
    """
    store = CredentialStore(secret_sources(settings.home, environ))
    register_credentials(configuration, store)
    proxies = dict(settings.proxy_servers)
    if configuration.proxy and not proxies:
        proxies = {"http": configuration.proxy, "https": configuration.proxy}
    verify = settings.ssl_verify
    return make_fetcher(
        offline=settings.offline,
        ssl_verify=configuration.cert if verify is True and configuration.cert else verify,
        client_cert=settings.client_ssl_cert or configuration.client_cert,
        client_cert_key=settings.client_ssl_cert_key,
        proxy_servers=proxies,
        connect_timeout=settings.remote_connect_timeout_secs,
        read_timeout=max(settings.remote_read_timeout_secs, configuration.timeout or 0),
        max_retries=settings.remote_max_retries,
        home=settings.home,
        environment=environ,
        credentials=store,
    )


def register_credentials(configuration: IndexConfiguration, store: CredentialStore) -> None:
    """Put the credentials that were in index URLs where a fetcher finds them."""
    for origin, secret in configuration.credentials.items():
        user, _, password = secret.partition(":")
        store.add(f"{origin}/", Credentials(user, password))
