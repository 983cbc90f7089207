{{/* Takes (dict "root" $ "of" .Values.agent). The name of the member is that of the node. */}}
{{- define "agent-mesh.agentContainer" -}}
{{- include "agent-mesh.container" (dict "root" .root) }}
args: [up, --json]
env:
  - name: NODE_NAME
    valueFrom:
      fieldRef: { fieldPath: spec.nodeName }
  - name: AGENT_MESH_LISTEN
    value: 0.0.0.0:{{ .of.port }}
  - { name: AGENT_MESH_MDNS, value: 'false' }
  {{- include "agent-mesh.memberEnv" (dict "of" .of "name" "$(NODE_NAME)") | nindent 2 }}
ports:
  - { name: operations, containerPort: 9464 }
  - { name: mesh, containerPort: {{ .of.port }} }
{{ include "agent-mesh.probes" .root }}
resources:
  {{- toYaml .of.resources | nindent 2 }}
volumeMounts:
  {{- include "agent-mesh.memberMounts" .of | nindent 2 }}
{{- end -}}
