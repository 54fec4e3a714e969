#include "layer_taps.hpp"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <utility>

namespace layer_taps {

namespace {

namespace jit = torch::jit;

listener current_listener;

// The operator that the graphs call. It counts as having side effects, so that nothing optimizes it away.
const jit::RegisterOperators tap_operator({jit::Operator(
    "repscope::tap(Tensor output, str layer) -> ()",
    [](jit::Stack& stack) {
        const std::string layer = jit::pop(stack).toStringRef();
        const torch::Tensor output = jit::pop(stack).toTensor();
        if (current_listener) current_listener(layer, output);
    },
    c10::AliasAnalysisKind::CONSERVATIVE)});

// The first call of a submodule's forward in a block and those within it.
jit::Node* first_call(jit::Block* block) {
    for (jit::Node* node : block->nodes()) {
        if (node->kind() == c10::prim::CallMethod && node->s(c10::attr::name) == "forward") return node;
        for (jit::Block* inner : node->blocks()) {
            if (jit::Node* call = first_call(inner)) return call;
        }
    }
    return nullptr;
}

// "layer3.0.conv1": the attributes on the way from the module to one of its submodules.
std::string path_of(const jit::Value* module) {
    std::string path;
    while (module->node()->kind() == c10::prim::GetAttr) {
        const std::string& name = module->node()->s(c10::attr::name);
        path = path.empty() ? name : name + "." + path;
        module = module->node()->input(0);
    }
    return path;
}

} // namespace

jit::Method tapped_forward(jit::Module& module, listener on_output) {
    current_listener = std::move(on_output);
    const auto graph = module.get_method("forward").graph()->copy();
    // Calls are inlined one by one, each tapped before, while it still names the module that it calls.
    while (jit::Node* call = first_call(graph->block())) {
        jit::Value* const callee = call->input(0);
        if (call->output()->type()->isSubtypeOf(*c10::TensorType::get())) {
            const jit::WithInsertPoint behind(call->next());
            graph->insert(c10::Symbol::fromQualString("repscope::tap"), {call->output(), path_of(callee)});
        }
        jit::GraphFunction& forward =
            jit::toGraphFunction(callee->type()->expect<c10::ClassType>()->getMethod("forward"));
        // The graph as written: the optimized one has its calls inlined already.
        jit::inlineCallTo(call, &forward, forward.graph().get());
    }
    static int made = 0; // a type keeps its methods for ever, so each has a name of its own
    const std::string name = "tapped_forward_" + std::to_string(made++);
    const auto type = module.type();
    jit::Function* const function =
        module._ivalue()->compilation_unit()->create_function(c10::QualifiedName(*type->name(), name), graph);
    // With the default arguments, which are no part of the graph.
    function->setSchema(module.get_method("forward").function().getSchema().cloneWithName(name, ""));
    type->addMethod(function);
    return module.get_method(name);
}

} // namespace layer_taps
