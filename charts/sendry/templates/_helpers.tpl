{{/* The name that everything of a release begins with. */}}
{{- define "sendry.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods; never changes, for a Deployment's selector cannot. Given (list root component). */}}
{{- define "sendry.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of everything. Given (list root component). */}}
{{- define "sendry.labels" -}}
{{- $root := index . 0 -}}
{{ include "sendry.selector" . }}
app.kubernetes.io/part-of: sendry
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image. Given (list root name override). */}}
{{- define "sendry.image" -}}
{{- $root := index . 0 -}}
{{- $image := $root.Values.image -}}
{{- $registry := ternary "" (printf "%s/" $image.registry) (empty $image.registry) -}}
{{- index . 2 | default (printf "%s%s/%s:%s" $registry $image.repository (index . 1) ($image.tag | default $root.Chart.AppVersion)) -}}
{{- end -}}

{{/* Variables of the stores. Given (list root key…): the key queue-url becomes SENDRY_QUEUE_URL. */}}
{{- define "sendry.stores" -}}
{{- $secret := (index . 0).Values.stores.secretName -}}
{{- range $at, $key := rest . }}
{{- if $at }}{{ "\n" }}{{ end -}}
- name: SENDRY_{{ $key | upper | replace "-" "_" }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ $key }}
{{- end }}
{{- end -}}

{{/* What a pod is, whatever runs in it: restricted, and without a token of the API server unless it says so. */}}
{{- define "sendry.pod" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The same of a container. */}}
{{- define "sendry.container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* The admin listener: alive as long as its tasks are, ready when requests would succeed. */}}
{{- define "sendry.probes" -}}
livenessProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Where pods go. Given (list root component values). */}}
{{- define "sendry.placing" -}}
{{- $values := index . 2 -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "sendry.selector" $ | nindent 8 }}
  {{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The Secret of the API's token. */}}
{{- define "sendry.tokenSecret" -}}
{{- .Values.analytics.token.secretName | default (printf "%s-analytics" (include "sendry.fullname" .)) -}}
{{- end -}}

{{/* A manifest of files/, with this release's labels and annotations. It stays text, so that its comments stay.
     Given (list root component text annotations). */}}
{{- define "sendry.adopted" -}}
{{- $metadata := dict "labels" (include "sendry.labels" . | fromYaml) -}}
{{- with index . 3 }}{{ $_ := set $metadata "annotations" . }}{{ end -}}
{{- $lines := printf "metadata:\n  %s" ($metadata | toYaml | indent 2 | trim) -}}
{{- regexReplaceAllLiteral "(?m)^metadata:$" (index . 2 | trim) $lines -}}
{{- end -}}
