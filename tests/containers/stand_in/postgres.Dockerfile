# A PostgreSQL for machines that reach Debian's packages but no registry of images:
#
#   docker build --network host -f tests/containers/stand_in/postgres.Dockerfile \
#       -t postgres:15 tests/containers/stand_in
#   WIREDESK_TEST_POSTGRES_IMAGE=postgres:15 python -m pytest tests/containers
#
# It understands of the official image what the tests and docker-compose.yml use: POSTGRES_USER,
# POSTGRES_PASSWORD, POSTGRES_DB, PGDATA, and options of the server as its command.
ARG DEBIAN_IMAGE=debian:bookworm-slim
FROM ${DEBIAN_IMAGE}
# hadolint ignore=DL3008 # whichever minor version Debian has now
RUN mkdir -p /etc/postgresql-common \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && install -d -o postgres -g postgres -m 3777 /var/run/postgresql \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PGDATA=/var/lib/postgresql/data
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["postgres"]
