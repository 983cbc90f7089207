{{/* Variables of relays and agents; takes (dict "root" $ "of" .Values.relay "name" "$(POD_NAME)"). */}}
{{- define "agent-mesh.memberEnv" -}}
- { name: AGENT_MESH_DATA, value: /data/mesh }
- { name: AGENT_MESH_JOIN_FILE, value: /run/join/token }
- { name: AGENT_MESH_METRICS, value: ':9464' }
- name: AGENT_MESH_DRAIN
  value: {{ .of.drainSeconds }}s
- name: AGENT_MESH_NAME
  value: {{ .name }}
{{- include "agent-mesh.env" .of.env }}
{{- end -}}

{{- define "agent-mesh.memberMounts" -}}
- { name: data, mountPath: /data }
- { name: tmp, mountPath: /tmp }
- { name: join, mountPath: /run/join, readOnly: true }
{{- end -}}

{{/* But for the volume "data". A pod waits for its Secret; the token in it may expire once all have joined. */}}
{{- define "agent-mesh.memberVolumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
- name: join
  secret:
    secretName: {{ .joinSecret }}
    defaultMode: 0440
{{- end -}}
