# One image, two commands: `wf server` and `wf worker`.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/wf
COPY requirements.txt .
RUN /opt/wf/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY wfcore wfcore
COPY wfplugins_builtin wfplugins_builtin
COPY wfserver wfserver
COPY wfworker wfworker
RUN /opt/wf/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/wf /opt/wf
RUN useradd --system --uid 10001 wf && install -d -o wf /srv/wf
ENV PATH=/opt/wf/bin:$PATH PYTHONUNBUFFERED=1
USER wf
WORKDIR /srv/wf
EXPOSE 8000 8001
CMD ["wf", "server", "--host", "0.0.0.0", "--port", "8000"]
