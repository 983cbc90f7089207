{{/* Takes (dict "root" $ "role" … "kind" … "of" .autoscaling). Up at once, down one in ten minutes: members of a stopped pod move. */}}
{{- define "agent-mesh.autoscaler" }}
{{- if gt (int .of.minReplicas) (int .of.maxReplicas) }}
{{- fail (printf "autoscaling of the %s: minReplicas %d is more than maxReplicas %d" .role (int .of.minReplicas) (int .of.maxReplicas)) }}
{{- end }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "agent-mesh.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ .kind }}
    name: {{ include "agent-mesh.name" . }}
  minReplicas: {{ .of.minReplicas }}
  maxReplicas: {{ .of.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ .of.cpuPercent }} }
    {{- with .of.usedPercent }}
    - type: Pods
      pods:
        metric: { name: agent_mesh_relay_used_ratio }
        target: { type: AverageValue, averageValue: {{ mul . 10 }}m }
    {{- end }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 600
      policies:
        - { type: Pods, value: 1, periodSeconds: 600 }
{{- end }}
