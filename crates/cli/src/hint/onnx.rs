//! Hints for errors of model files.

use std::error::Error;

use brinell::errors::{Foreign, ImportError};

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        ImportError::Truncated { .. } => "copy or download it again",
        ImportError::UnsupportedOpset { oldest, newest, .. } => {
            return Some(format!("export the model with an opset from {oldest} to {newest}"));
        }
        ImportError::ExternalData { .. } => {
            "put the files with the weights into the folder of the model, under the names that they had at export"
        }
        ImportError::Foreign { format } => foreign(*format),
        ImportError::NoFolder { .. } => "read the model from the folder that also contains its weights",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The command that makes an ONNX model of a file of another format.
fn foreign(format: Foreign) -> &'static str {
    match format {
        Foreign::Torch => {
            "export the module with torch.onnx.export(model.eval(), (x,), \"model.onnx\", dynamo=True, external_data=False), where x is one batch of inputs"
        }
        Foreign::Pickle => {
            "if it is a scikit-learn model: pip install skl2onnx, then open(\"model.onnx\", \"wb\").write(skl2onnx.to_onnx(model, \
             X[:1].astype(\"float32\"), options={\"zipmap\": False}).SerializeToString())"
        }
        Foreign::Keras => "export it with keras.models.load_model(FILE).export(\"model.onnx\", format=\"onnx\") (Keras 3)",
        Foreign::SavedModel => "convert it: pip install tf2onnx, then python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
        Foreign::TfLite => "convert it: pip install tf2onnx, then python -m tf2onnx.convert --tflite FILE --output model.onnx",
        Foreign::Safetensors => "this file has weights but no network; load them into the model, and export the model as ONNX",
        Foreign::XgBoost => {
            "convert it: pip install onnxmltools, then onnxmltools.convert_xgboost(model, initial_types=[(\"x\", FloatTensorType([None, N]))])"
        }
        Foreign::LightGbm => {
            "convert it: pip install onnxmltools, then onnxmltools.convert_lightgbm(model, initial_types=[(\"x\", FloatTensorType([None, N]))])"
        }
        Foreign::CatBoost => "save it with model.save_model(\"model.onnx\", format=\"onnx\")",
        Foreign::Html => "download the file itself; on GitHub, use the link `raw`",
        Foreign::GitLfs => "get the file itself with git lfs pull",
        _ => "export the original model as ONNX",
    }
}
