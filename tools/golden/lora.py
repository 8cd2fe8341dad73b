"""Golden adapters: PEFT's logits and gradients for a tiny model with LoRA.

Made with peft 0.21.2, transformers 5.23.0 and torch 2.13.0 (fp32).
Usage: lora.py FIXTURES   (tests/fixtures/models, after model.py)

Writes FIXTURES/NAME/adapter_config.json, adapter_model.safetensors (as
save_pretrained writes them) and golden.safetensors:
  logits     fp32 [n, v] of the base golden's input_ids
  grad.NAME  fp32: gradient of the mean loss, NAME as in adapter_model
"""

import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

ADAPTERS = {
    "smollm2_lora": dict(
        r=4, lora_alpha=6, target_modules="all-linear", use_rslora=False),
    "smollm2_rslora": dict(
        r=3, lora_alpha=5, target_modules=["q_proj", "v_proj", "down_proj"],
        use_rslora=True),
}


def write(root, name, options, seed):
    base_folder = root / "smollm2"
    golden = load_file(base_folder / "golden.safetensors")
    base = transformers.AutoModelForCausalLM.from_pretrained(
        base_folder, attn_implementation="eager", dtype=torch.float32)
    torch.manual_seed(seed)
    model = peft.get_peft_model(
        base, peft.LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0,
                              **options))
    generator = torch.Generator().manual_seed(seed)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.copy_(
                0.3 * torch.randn(parameter.shape, generator=generator))
    borders = golden["cu_seqlens"].tolist()
    targets = borders[-1] - (len(borders) - 1)
    logits = []
    for begin, end in zip(borders, borders[1:]):
        tokens = golden["input_ids"][begin:end]
        out = model(input_ids=tokens[None], use_cache=False).logits[0]
        loss = torch.nn.functional.cross_entropy(
            out[:-1], tokens[1:], reduction="sum") / targets
        loss.backward()
        logits.append(out.detach())
    folder = root / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    result = {"logits": torch.cat(logits).contiguous()}
    for key, parameter in trained.items():
        result["grad." + key.replace(".default", "")] = (
            parameter.grad.contiguous())
    save_file(result, folder / "golden.safetensors")


def main():
    torch.set_num_threads(1)
    for seed, (name, options) in enumerate(ADAPTERS.items(), start=500):
        write(pathlib.Path(sys.argv[1]), name, options, seed)


if __name__ == "__main__":
    main()
