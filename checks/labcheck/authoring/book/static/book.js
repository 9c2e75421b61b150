"use strict";

// Code that is wider than its box is within reach of the keyboard.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) {
      target.setAttribute("tabindex", "0");
    } else {
      target.removeAttribute("tabindex");
    }
  }
});
document.querySelectorAll("article :is(pre, .text_html, .table-wrapper)").forEach((box) => boxes.observe(box));
