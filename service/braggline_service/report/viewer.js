// The crystal's surface, to be turned with the mouse. Draws what #surface-data holds into #surface-view; where the
// browser has no WebGL the still picture stays.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("surface-data").textContent);
  const view = document.getElementById("surface-view");
  const canvas = view.querySelector("canvas");
  const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) return;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const crystal = mesh(data), lines = data.lines && mesh(data.lines);
  const start = data.view;
  let turn = start.slice(), zoom = 1, waiting = false;

  function mesh(told) {
    const packed = new Uint16Array(bytes(told.vertices).buffer), vertices = new Float32Array(packed.length);
    for (let i = 0; i < packed.length; i++) vertices[i] = (packed[i] / 65535) * 2 - 1;
    const triangles = new Uint16Array(bytes(told.triangles).buffer);
    return { triangles, vertices, normals: vertexNormals(vertices, triangles), count: packed.length / 3 };
  }

  function vertexNormals(vertices, triangles) {
    const sum = new Float32Array(vertices.length);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[t + k]);
      const u = [0, 1, 2].map((k) => vertices[b + k] - vertices[a + k]);
      const v = [0, 1, 2].map((k) => vertices[c + k] - vertices[a + k]);
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const at of [a, b, c]) for (let k = 0; k < 3; k++) sum[at + k] += n[k];
    }
    return sum;
  }

  // a matrix is its rows: right, up, towards the eye
  const row = (m, r, v) => m[3 * r] * v[0] + m[3 * r + 1] * v[1] + m[3 * r + 2] * v[2];
  function turned(right, up) {
    const [c, s, d, t] = [Math.cos(right), Math.sin(right), Math.cos(up), Math.sin(up)];
    const step = [c, 0, s, t * s, d, -t * c, -d * s, t, d * c];
    const old = turn, made = [];
    for (let r = 0; r < 3; r++) for (let k = 0; k < 3; k++) made.push(row(step, r, [old[k], old[3 + k], old[6 + k]]));
    turn = made;
    draw();
  }

  function shader(kind, text) {
    const made = gl.createShader(kind);
    gl.shaderSource(made, text);
    gl.compileShader(made);
    return made;
  }
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, `
    attribute vec3 place, normal, color; uniform vec3 right, up, eye; uniform vec2 scale; varying vec3 shade;
    void main() {
      vec3 n = normalize(normal + vec3(1e-9));
      float light = max(0.0, dot(n, normalize(-0.35 * right + 0.5 * up + 0.79 * eye)));
      shade = color * (0.6 + 0.4 * light) * 1.08;
      gl_Position = vec4(dot(place, right) * scale.x, dot(place, up) * scale.y, -0.3 * dot(place, eye), 1.0);
    }`));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER,
    "precision mediump float; varying vec3 shade; void main() { gl_FragColor = vec4(shade, 1.0); }"));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return;
  gl.useProgram(program);
  gl.enable(gl.DEPTH_TEST);

  function filled(target, values) {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, values, gl.STATIC_DRAW);
    return made;
  }
  for (const part of [crystal, lines]) if (part) {
    part.place = filled(gl.ARRAY_BUFFER, part.vertices);
    part.normal = filled(gl.ARRAY_BUFFER, part.normals);
    part.corners = filled(gl.ELEMENT_ARRAY_BUFFER, part.triangles);
  }
  if (lines) {
    const rgb = [1, 3, 5].map((at) => parseInt(data.lines.color.slice(at, at + 2), 16));
    lines.color = filled(gl.ARRAY_BUFFER, Uint8Array.from({ length: 3 * lines.count }, (_, i) => rgb[i % 3]));
  }

  function show(part) {
    for (const [name, kind] of [["place", gl.FLOAT], ["normal", gl.FLOAT], ["color", gl.UNSIGNED_BYTE]]) {
      const at = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, part[name]);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, kind, kind === gl.UNSIGNED_BYTE, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, part.corners);
    gl.drawElements(gl.TRIANGLES, part.triangles.length, gl.UNSIGNED_SHORT, 0);
  }

  function color(layer) {
    const shades = bytes(layer.shades), palette = bytes(layer.palette), colors = new Uint8Array(3 * crystal.count);
    for (let i = 0; i < crystal.count; i++)
      for (let k = 0; k < 3; k++) colors[3 * i + k] = palette[3 * shades[i] + k];
    gl.deleteBuffer(crystal.color || null);
    crystal.color = filled(gl.ARRAY_BUFFER, colors);
    legend(layer, palette);
    draw();
  }

  const chip = (at, palette) => "rgb(" + [0, 1, 2].map((k) => palette[3 * at + k]).join(",") + ")";
  function legend(layer, palette) {
    const place = view.querySelector(".legend");
    place.textContent = "";
    const add = (kind, text, style) => {
      const made = place.appendChild(document.createElement(kind));
      made.textContent = text;
      Object.assign(made.style, style || {});
    };
    const key = (shade, text) => {
      const made = place.appendChild(document.createElement("span"));
      made.appendChild(document.createElement("i")).style.background = shade;
      made.append(text);
    };
    if (lines) key(data.lines.color, data.lines.name);
    if (layer.names) {
      layer.names.forEach((name, k) => key(chip(k, palette), name));
      return;
    }
    const stops = Array.from({ length: 13 }, (_, k) => chip(Math.round((k * 254) / 12), palette));
    add("span", layer.low);
    add("b", "", { background: "linear-gradient(to right," + stops.join(",") + ")" });
    add("span", layer.high + " " + layer.unit);
  }

  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () {
      waiting = false;
      const density = window.devicePixelRatio || 1;
      canvas.width = canvas.clientWidth * density;
      canvas.height = canvas.clientHeight * density;
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(1, 1, 1, 1);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      ["right", "up", "eye"].forEach((name, r) =>
        gl.uniform3fv(gl.getUniformLocation(program, name), turn.slice(3 * r, 3 * r + 3)));
      const smaller = Math.min(canvas.width, canvas.height) * zoom * 0.95;
      gl.uniform2f(gl.getUniformLocation(program, "scale"), smaller / canvas.width, smaller / canvas.height);
      show(crystal);
      if (lines) {
        gl.clear(gl.DEPTH_BUFFER_BIT);  // they lie inside: in front of everything, or they would not be seen
        show(lines);
      }
      axes();
    });
  }

  function axes() {
    for (const [name, direction] of Object.entries(data.axes)) {
      const arrow = view.querySelector("[data-axis='" + name + "']");
      const [x, y] = [28 * row(turn, 0, direction), -28 * row(turn, 1, direction)];
      const far = name === "Q" ? 1.62 : 1.3;  // Q often lies along z: two letters, one arrow
      arrow.querySelector("line").setAttribute("x2", x);
      arrow.querySelector("line").setAttribute("y2", y);
      arrow.querySelector("text").setAttribute("x", far * x);
      arrow.querySelector("text").setAttribute("y", far * y + 4);
    }
  }

  const look = (direction) => {
    const eye = direction, up = Math.abs(eye[2]) > 0.95 ? [0, 1, 0] : [0, 0, 1];
    const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    const right = cross(up, eye), long = Math.hypot(...right), unit = right.map((v) => v / long);
    turn = [...unit, ...cross(eye, unit), ...eye];
    draw();
  };

  canvas.addEventListener("pointerdown", (e) => canvas.setPointerCapture(e.pointerId));
  canvas.addEventListener("pointermove", (e) => { if (e.buttons) turned(e.movementX / 130, e.movementY / 130); });
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    zoom = Math.min(8, Math.max(0.3, zoom * Math.exp(-e.deltaY / 700)));
    draw();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { turn = start.slice(); zoom = 1; draw(); });
  canvas.addEventListener("keydown", (e) => {
    const steps = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
    if (steps[e.key]) { e.preventDefault(); turned(...steps[e.key]); }
  });
  view.querySelector("select").addEventListener("change", (e) => color(data.layers[e.target.value]));
  for (const button of view.querySelectorAll("button"))
    button.addEventListener("click", () => look(data.axes[button.textContent]));
  window.addEventListener("resize", draw);

  view.hidden = false;
  document.getElementById("surface-still").classList.add("paper");
  color(data.layers[0]);
})();
