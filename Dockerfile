# One image for the whole atlas. Everything:
#     docker run -p 8050:8050 -v lossatlas:/var/cache/lossatlas lossatlas
# A pool of its own: the web and as many workers as wanted, around a scheduler (versions are those of this image):
#     dask scheduler --host 0.0.0.0 --no-dashboard
#     dask worker tcp://scheduler:8786 --nthreads 1 --preload lossatlas.compute.service.warm --no-dashboard
#     lossatlas serve --host 0.0.0.0 --scheduler tcp://scheduler:8786
FROM python:3.11-slim-bookworm

# torch without CUDA, 0.2 GB instead of several. For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    LOSSATLAS_CACHE=/var/cache/lossatlas \
    NUMBA_CACHE_DIR=/var/cache/lossatlas/kernels

RUN useradd --create-home --uid 10001 lossatlas \
    && install --directory --owner lossatlas --group lossatlas --mode 0700 /var/cache/lossatlas

WORKDIR /opt/lossatlas

# The large and slow part by itself: it is built again only when a version changes.
COPY constraints.txt ./
RUN pip install -c constraints.txt --extra-index-url "${TORCH_INDEX}" torch

COPY pyproject.toml README.md LICENSE ./
COPY lossatlas ./lossatlas
COPY app ./app
COPY compute ./compute
COPY assets ./assets
RUN pip install -c constraints.txt --extra-index-url "${TORCH_INDEX}" .

# For the processors that it is built on; on another kind the first questions compile.
RUN lossatlas warm kernels && chown --recursive lossatlas:lossatlas /var/cache/lossatlas

USER lossatlas
WORKDIR /home/lossatlas
VOLUME /var/cache/lossatlas
EXPOSE 8050

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8050/healthz', timeout=4)"]

CMD ["lossatlas", "serve", "--host", "0.0.0.0"]
