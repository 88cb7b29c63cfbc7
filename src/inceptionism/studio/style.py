"""The look of the page: fonts of the system, colors with enough contrast, and one column on phones."""

from __future__ import annotations

import gradio as gr

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONOSPACE = ("ui-monospace", "Consolas", "monospace")

# The fonts of the system need no download.
THEME = gr.themes.Soft(primary_hue="violet", neutral_hue="slate", font=FONT, font_mono=MONOSPACE).set(
    # The usual colors of this theme have less contrast than the 4.5 that WCAG 2.1 asks for.
    color_accent="*primary_700",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    block_info_text_color="*neutral_600",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_300",
    link_text_color="*primary_700",
    link_text_color_hover="*primary_800",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    checkbox_label_background_fill_selected="*primary_700",
    slider_color="*primary_700",
)

CSS = """
.gradio-container { width: 100%; max-width: 1280px !important; margin: 0 auto !important; }
footer { display: none !important; }
#looks .grid-container { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)) !important; }
.picture-setting button * { white-space: normal !important; font-size: 0.85rem; }
#gallery .grid-container { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) !important; }
#layers .grid-container { grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)) !important; }
#layers .grid-wrap { min-height: 0 !important; height: auto !important; max-height: none !important; }
#layers .caption-label { font-size: 0.7rem; max-width: 100%; }
.main.app { width: 100%; box-sizing: border-box; }
.recipe { width: 100%; font-size: 0.85rem; }
.recipe caption { text-align: left; font-weight: 600; padding-bottom: 0.5rem; }
.recipe th { text-align: left; padding-right: 1rem; font-weight: 500; vertical-align: top; white-space: nowrap; }
.recipe td { overflow-wrap: anywhere; }
.status { display: flex; gap: 0.75rem; align-items: center; min-height: 1.6rem; }
.status progress { flex: 1; height: 0.6rem; accent-color: #7c3aed; }
.status progress::-webkit-progress-value { background: #7c3aed; border-radius: 0.3rem; }
.status progress::-webkit-progress-bar { background: #e2e8f0; border-radius: 0.3rem; }
.rate { text-align: right; font-variant-numeric: tabular-nums; }
[id$="-note"]:not(:has(p)), [id$="-problem"]:not(:has(p)) { display: none; }
#offer-state:not(:has(p, .status)) { display: none; }
[id$="-result"] ~ [id$="-results"], [id$="-result"] ~ [id$="-film"] { display: none; }
[id$="-result"] img { width: 100% !important; height: 100% !important; object-fit: contain; }
.viewer { width: 100%; height: min(70vh, 640px); border: 1px solid #ccc; background: #fff; }
#gallery-viewer:not(:has(iframe)) { display: none; }
.problem { color: var(--error-text-color, #b91c1c); font-weight: 600; }
"""

# gradio changes the selectors of `CSS`, and leaves those in the head as they are.
HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
.dark { --color-accent: #a78bfa !important; }
@media (max-width: 600px) {
  .gradio-container .main.app { padding: 0.75rem !important; }
  .tab-wrapper { overflow-x: auto; max-width: calc(100vw - 1.5rem); }
  .tab-wrapper button { padding: 0 0.6rem !important; }
}
</style>
<script>
// A file that is dropped on the page, but not on a field for files, goes to the hidden field.
document.addEventListener("dragover", event => event.preventDefault());
document.addEventListener("drop", event => {
  const input = document.querySelector("#dropped input[type=file]");
  if (event.defaultPrevented) return;
  event.preventDefault();
  if (!input || !event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
</script>
"""
