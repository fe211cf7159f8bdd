# The example engine in Python, to see the relay at work. From the repository's root:
#
#   docker build -f deploy/engine.Dockerfile -t footplate-engine .

FROM docker.io/library/python:3.11-slim
RUN pip install --no-cache-dir grpcio==1.85.1 protobuf==7.36.2
COPY clients/python/pyproject.toml clients/python/README.md /client/
COPY clients/python/src /client/src
RUN pip install --no-cache-dir --no-deps /client
COPY clients/python/examples/engine.py /engine.py
USER 65532:65532
# Python ends well on it; as the first process of a container it would not even hear SIGTERM.
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "/engine.py"]
CMD ["--target", "unix:/run/footplate/engine.sock"]
