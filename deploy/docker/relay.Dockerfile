# The bundled command on a slim Node, for relays first of all: a numeric user without rights, nothing to write but /data.
# Build from the root of a checkout, run with the settings of docs/configuration.md in the environment:
#   docker build -f deploy/docker/relay.Dockerfile -t agent-mesh-relay .
#   docker run -d --read-only --cap-drop ALL --stop-timeout 30 --restart unless-stopped -v relay-1:/data \
#     -v ./join-token:/run/join-token:ro -e AGENT_MESH_JOIN_FILE=/run/join-token -e AGENT_MESH_ANNOUNCE=203.0.113.7:4001 \
#     -p 4001:4001 -p 3478-3479:3478-3479/udp agent-mesh-relay
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
# Manifests first: packages are installed anew only when these change.
COPY package.json package-lock.json ./
COPY protocol/package.json protocol/
COPY agent/package.json agent/
COPY relay/package.json relay/
COPY lambdas/package.json lambdas/
COPY infra/package.json infra/
COPY cli/package.json cli/
COPY cli/bin cli/bin
RUN npm ci --ignore-scripts --no-audit --no-fund --workspace cli --include-workspace-root
COPY . .
RUN node cli/build/build.ts command

FROM ${BASE}
ENV NODE_ENV=production AGENT_MESH_DATA=/data XDG_CACHE_HOME=/tmp/cache
COPY --from=build /src/cli/dist /app
# Nothing installs packages there.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn-* && mkdir /data && chown 1000:1000 /data
# A number, so that "run as non-root" can be checked without the image's user database.
USER 1000:1000
VOLUME /data
EXPOSE 4001/tcp 3478/udp 3479/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["node", "/app/bin/agent-mesh.js", "status", "--json"]
ENTRYPOINT ["node", "/app/bin/agent-mesh.js"]
CMD ["relay", "--json"]
