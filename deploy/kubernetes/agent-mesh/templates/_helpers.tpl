{{- define "agent-mesh.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Each of these takes (dict "root" $ "role" "relay"). */}}
{{- define "agent-mesh.name" -}}
{{ include "agent-mesh.fullname" .root }}-{{ .role }}
{{- end -}}

{{- define "agent-mesh.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "agent-mesh.labels" -}}
{{ include "agent-mesh.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- define "agent-mesh.metadata" -}}
name: {{ include "agent-mesh.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "agent-mesh.labels" . | nindent 2 }}
{{- end -}}

{{- define "agent-mesh.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent-mesh.publicUrl" -}}
{{- .Values.controlPlane.publicUrl | default (printf "http://%s-control-plane.%s.svc.%s:8440" (include "agent-mesh.fullname" .) .Release.Namespace .Values.clusterDomain) -}}
{{- end -}}

{{/*
What all pods have: nothing of the API, a numeric user, no rights. Volumes belong to the group; below them the process makes its data
folder for itself alone, so OnRootMismatch keeps its mode. Without it, and with the variables of Services, whose names begin with that
of the release, the process would not start.
*/}}
{{- define "agent-mesh.pod" -}}
serviceAccountName: {{ include "agent-mesh.fullname" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* Takes (dict "root" $ "of" .Values.relay): what runs in the container, but for its arguments, variables, ports and volumes. */}}
{{- define "agent-mesh.container" -}}
image: {{ include "agent-mesh.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/*
Probes at the port "operations", which opens once the process has joined: until then the start is waited for. A restart mends no
dependency, so liveness looks at the process alone.
*/}}
{{- define "agent-mesh.probes" -}}
startupProbe:
  httpGet: { path: /health, port: operations }
  periodSeconds: 2
  failureThreshold: 300
livenessProbe:
  httpGet: { path: /health, port: operations }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /ready, port: operations }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "agent-mesh.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "agent-mesh.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas on different nodes and in different zones, as far as there are some. */}}
{{- define "agent-mesh.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "agent-mesh.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}
