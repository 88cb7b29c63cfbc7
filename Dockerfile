# The command `dream` in a container, on the processor. In the folder of this file:
#   docker build --tag inceptionism .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/pictures" inceptionism photo photo.jpg
# With more networks: docker build --build-arg EXTRAS=networks --tag inceptionism .

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=""
# The torch of this index needs no GPU and is ten times smaller.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY docs/recipe.schema.json docs/recipe.schema.json
COPY src src
RUN python -m venv /opt/inceptionism \
    && /opt/inceptionism/bin/pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" ".${EXTRAS:+[${EXTRAS}]}"

FROM python:${PYTHON}-slim
COPY --from=build /opt/inceptionism /opt/inceptionism
# The cache is writable for every user, because `docker run --user` may give any number.
RUN useradd --create-home --uid 1000 dreamer \
    && mkdir --mode 1777 /cache \
    && install --directory --owner dreamer --group dreamer /pictures
ENV PATH=/opt/inceptionism/bin:$PATH \
    XDG_CACHE_HOME=/cache
USER 1000
WORKDIR /pictures
VOLUME /cache
ENTRYPOINT ["dream"]
CMD ["--help"]
