FROM mayfly-base/debian:trixie
# The user before the package, with the id that the official image has.
RUN groupadd --system --gid 999 redis \
 && useradd --system --uid 999 --gid redis --home-dir /data --shell /usr/sbin/nologin redis \
 && apt-get update \
 && apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb \
 && install -d -o redis -g redis -m 755 /data
USER redis
WORKDIR /data
EXPOSE 6379
CMD ["redis-server"]
