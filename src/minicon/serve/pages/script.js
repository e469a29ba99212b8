// Everything works without this: it searches while one types, copies commands, takes dropped files,
// and shows the neighbours of a package in a picture.
"use strict";

function searchWhileTyping(form) {
  const input = form.querySelector("input[type=search]");
  let timer, latest = 0;
  async function search() {
    const number = ++latest;
    const address = form.action + "?" + new URLSearchParams(new FormData(form));
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const results = found.getElementById("results");
    if (number !== latest || !results) return;
    document.getElementById("results").replaceWith(results);
    history.replaceState(null, "", address);
  }
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search().catch(() => form.submit()), 180);
  });
}

function addCopyButton(block) {
  const code = block.querySelector("code");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
  block.append(button);
}

function takeFiles(area) {
  const file = document.getElementById("file");
  async function read(chosen) {
    if (!chosen) return;
    area.value = await chosen.text();
    file.value = "";
    area.rows = Math.min(Math.max(area.value.split("\n").length + 1, 6), 18);
    area.focus();
  }
  area.addEventListener("dragover", (event) => { event.preventDefault(); area.classList.add("over"); });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    const [dropped] = event.dataTransfer.files;
    area.classList.remove("over");
    if (!dropped) return;
    event.preventDefault();
    read(dropped);
  });
  file.addEventListener("change", () => read(file.files[0]));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) area.form.requestSubmit();
  });
}

function showProgress(form) {
  const button = form.querySelector(".primary");
  form.addEventListener("submit", () => {
    button.setAttribute("aria-busy", "true");
    button.textContent = "Solving…";
  });
  addEventListener("pageshow", () => { // also after going back
    button.removeAttribute("aria-busy");
    button.textContent = "Solve";
  });
}

function showRequested(graph) { // a large picture is first seen where its requested packages are
  const frame = graph.parentElement, node = graph.querySelector(".requested");
  if (!node) return;
  const { top, height } = node.getBoundingClientRect();
  frame.scrollTop = top - frame.getBoundingClientRect().top - (frame.clientHeight - height) / 2;
}

function showNeighbours(graph) {
  function leave() {
    graph.classList.remove("focus");
    graph.querySelectorAll(".near").forEach((each) => each.classList.remove("near"));
  }
  graph.querySelectorAll(".node").forEach((node) => {
    node.addEventListener("pointerenter", () => {
      leave();
      const near = new Set([node.dataset.name]);
      graph.querySelectorAll(".arrow").forEach((arrow) => {
        const { from, to } = arrow.dataset;
        if (from !== node.dataset.name && to !== node.dataset.name) return;
        near.add(from).add(to);
        arrow.classList.add("near");
      });
      graph.querySelectorAll(".node").forEach((each) => each.classList.toggle("near", near.has(each.dataset.name)));
      graph.classList.add("focus");
    });
    node.addEventListener("pointerleave", leave);
  });
}

document.querySelectorAll("form.search").forEach(searchWhileTyping);
document.querySelectorAll(".command").forEach(addCopyButton);
document.querySelectorAll("form.workbench").forEach(showProgress);
document.querySelectorAll("#text").forEach(takeFiles);
document.querySelectorAll("svg.graph").forEach(showRequested);
document.querySelectorAll("svg.graph").forEach(showNeighbours);
