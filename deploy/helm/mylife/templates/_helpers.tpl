{{- define "mylife.name" -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{- end }}
{{- define "mylife.selector" -}}
app.kubernetes.io/name: mylife
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "mylife.labels" -}}
{{ include "mylife.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
