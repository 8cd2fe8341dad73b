// One line a recipe.
#include "recipe.h"

namespace octet::te {

std::unique_ptr<Recipe> make_recipe(
    std::shared_ptr<const Library> library,
    const Settings& settings) {
  switch (settings.recipe) {
    case RecipeKind::delayed:
      return make_delayed_scaling(std::move(library), settings);
    case RecipeKind::current:
      return make_current_scaling(std::move(library), settings);
    case RecipeKind::block:
      return make_block_scaling(std::move(library), settings);
    case RecipeKind::mxfp8:
      return make_mxfp8_scaling(std::move(library), settings);
  }
  return nullptr;
}

} // namespace octet::te
