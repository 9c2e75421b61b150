"use strict";

async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {  // the page may not use the clipboard: ask the browser to copy a selection
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    }
}

// Adds a button to each command below a node, which copies it; `tell` is called when it is copied.
function addCopyButtons(root, tell) {
    for (const command of root.querySelectorAll(".command")) {
        const button = document.createElement("button");
        const code = command.querySelector("code");
        button.className = "copy";
        button.textContent = "Copy";
        button.setAttribute("aria-label", `Copy: ${command.previousElementSibling.textContent}`);
        button.addEventListener("click", async () => {
            await copy(code.textContent);
            button.textContent = "Copied";
            tell();
            setTimeout(() => { button.textContent = "Copy"; }, 1500);
        });
        command.append(button);
    }
}

