# The relay: the bundled command on a slim Node, as a user without rights. Build from the root of a checkout:
#   docker build -f deploy/docker/relay.Dockerfile -t agent-mesh-relay .
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts && npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production XDG_DATA_HOME=/data
COPY --from=build /src/cli/dist /app
COPY deploy/docker/relay-entry.sh /usr/local/bin/relay-entry
# npm is not needed to run it.
RUN chmod 555 /usr/local/bin/relay-entry && rm -rf /usr/local/lib/node_modules /opt/yarn-* && mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4001/tcp 3478/udp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/relay-entry"]
